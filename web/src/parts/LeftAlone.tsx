import type { Report } from '../api/lists'
import { n, texts } from '../texts'
import { Sheet } from './Sheet'
import { Coded, Empty } from './States'
import { Value } from './Value'

const t = texts.run

/** What a heal found and left as it was, and why. */
export function LeftAlone({ report: { left, left_in_all: all } }: { report: Report }) {
  if (left.length === 0) return <Empty title={t.noLeft} />
  return (
    <>
      {left.length < all && <p className="mb-2 text-sm text-soft">{t.ofAll(left.length, all)}</p>}
      <Sheet label={t.tabs.left} heads={Object.values(t.leftHead)} right={[2]} isWide>
        {left.map((each, i) => (
          <tr key={i}>
            <th scope="row">{each.column ?? '–'}</th>
            <td className="whitespace-nowrap">{each.kind.replaceAll('_', ' ')}</td>
            <td className="text-right">{n(each.cells)}</td>
            <td className="min-w-60 wrap-anywhere"><Coded text={each.reason} /></td>
            <td>
              {each.example !== null && <Value text={each.example} />}
              {each.proposed !== null && <> <span className="text-sm text-soft">{t.proposed}</span> <Value text={each.proposed} /></>}
            </td>
          </tr>
        ))}
      </Sheet>
    </>
  )
}
