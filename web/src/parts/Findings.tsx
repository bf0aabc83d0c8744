import { usePages, type Finding } from '../api/lists'
import { path } from '../api/client'
import { percent } from '../logic/shown'
import { n, texts } from '../texts'
import { More } from './More'
import { Answered, Empty } from './States'

const t = texts.run

/** What a run found, whether it was mended or not. */
export function Findings({ run }: { run: string }) {
  const pages = usePages<Finding>(['runs', run, 'findings'], path`/runs/${run}/findings`, { limit: 200 })
  return (
    <Answered query={pages}>
      {(data) => data.pages[0]!.items.length === 0 ? <Empty title={t.noFindings} /> : (
        <>
          <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.tabs.findings}>
            <table className="w-full min-w-160">
              <thead className="border-b border-line text-sm">
                <tr>
                  {[t.head.row, t.head.column, t.findingHead.kind, t.head.sure, t.head.why].map((name, i) => (
                    <th scope="col" key={name} className={`px-3 py-2 ${i === 0 || i === 3 ? 'text-right' : ''}`}>{name}</th>
                  ))}
                </tr>
              </thead>
              <tbody className="divide-y divide-line">
                {data.pages.flatMap((page) => page.items).map((found, i) => (
                  <tr key={i} className="align-baseline">
                    <td className="px-3 py-1.5 text-right text-soft">{found.row === null ? '–' : n(found.row)}</td>
                    <td className="px-3 py-1.5 font-medium">{found.column ?? '–'}</td>
                    <td className="px-3 py-1.5 whitespace-nowrap">{found.kind.replaceAll('_', ' ')}</td>
                    <td className="px-3 py-1.5 text-right whitespace-nowrap">{found.confidence === null ? '–' : percent(found.confidence)}</td>
                    <td className="px-3 py-1.5 wrap-anywhere text-soft">{found.why}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <More pages={pages} />
        </>
      )}
    </Answered>
  )
}
