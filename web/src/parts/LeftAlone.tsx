import { Trouble } from '../api/client'
import { useReport } from '../api/lists'
import { n, texts } from '../texts'
import { Answered, Coded, Empty } from './States'
import { Value } from './Value'

const t = texts.run

/** What a heal found and left as it was, and why: drawn from the data of its report. */
export function LeftAlone({ run }: { run: string }) {
  const report = useReport(run)
  if (report.error instanceof Trouble && report.error.status === 404) return <Empty title={t.noReport} />
  return (
    <Answered query={report}>
      {({ left, left_in_all: all }) => left.length === 0 ? <Empty title={t.noLeft} /> : (
        <>
          {left.length < all && <p className="mb-2 text-sm text-soft">{t.leftMore(left.length, all)}</p>}
          <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.tabs.left}>
            <table className="w-full">
              <thead className="border-b border-line text-sm"><tr>{Object.values(t.leftHead).map((name) => <th scope="col" key={name} className="px-4 py-2">{name}</th>)}</tr></thead>
              <tbody className="divide-y divide-line">
                {left.map((each, i) => (
                  <tr key={i} className="align-baseline">
                    <td className="px-4 py-1.5 whitespace-nowrap">{each.kind.replaceAll('_', ' ')}</td>
                    <th scope="row" className="px-4 py-1.5 font-medium text-ink wrap-anywhere">{each.column ?? '–'}</th>
                    <td className="px-4 py-1.5 text-right">{n(each.cells)}</td>
                    <td className="min-w-60 px-4 py-1.5 wrap-anywhere"><Coded text={each.reason} /></td>
                    <td className="px-4 py-1.5">
                      {each.example !== null && <Value text={each.example} />}
                      {each.proposed !== null && <> <span className="text-sm text-soft">{t.proposed}</span> <Value text={each.proposed} /></>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Answered>
  )
}
