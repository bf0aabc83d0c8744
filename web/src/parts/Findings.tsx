import { path } from '../api/client'
import { usePages, type Finding } from '../api/lists'
import { percent } from '../logic/shown'
import { n, texts } from '../texts'
import { Paged } from './Paged'
import { Sheet } from './Sheet'

const t = texts.run

/** What a run found, whether it was mended or not. */
export function Findings({ run }: { run: string }) {
  const pages = usePages<Finding>(['runs', run, 'findings'], path`/runs/${run}/findings`, { limit: 200 })
  return (
    <Paged pages={pages} empty={t.noFindings}>
      {(found) => (
        <Sheet label={t.tabs.findings} heads={[t.head.row, t.head.column, t.findingHead.kind, t.head.sure, t.head.why]} right={[0, 3]} isWide>
          {found.map((each, i) => (
            <tr key={i}>
              <td className="text-right text-soft">{each.row === null ? '–' : n(each.row)}</td>
              <td className="font-medium">{each.column ?? '–'}</td>
              <td className="whitespace-nowrap">{each.kind.replaceAll('_', ' ')}</td>
              <td className="text-right whitespace-nowrap">{each.confidence === null ? '–' : percent(each.confidence)}</td>
              <td className="wrap-anywhere text-soft">{each.why}</td>
            </tr>
          ))}
        </Sheet>
      )}
    </Paged>
  )
}
