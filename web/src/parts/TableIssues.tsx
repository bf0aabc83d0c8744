import { Link } from 'react-router'
import { path } from '../api/client'
import { usePages } from '../api/lists'
import type { IssueLine } from '../api/schema'
import { plain, visible } from '../logic/shown'
import { n, texts } from '../texts'
import { More } from './More'
import { Answered } from './States'

const t = texts.table

/** What was wrong with a table when it was mended last: the costliest first. */
export function TableIssues({ table }: { table: string }) {
  const pages = usePages<IssueLine>(['tables', table, 'issues'], path`/tables/${table}/issues`, { limit: 12 })
  return (
    <section aria-labelledby="issues">
      <h2 id="issues" className="mb-2">{t.issues}</h2>
      <Answered query={pages}>
        {(data) => data.pages[0]!.items.length === 0 ? <p className="text-soft">{t.noIssues}</p> : (
          <>
            <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.issues}>
              <table className="w-full min-w-160">
                <thead className="border-b border-line text-sm">
                  <tr>
                    {[t.issueHead.what, t.issueHead.cost, t.issueHead.cells, t.issueHead.mended, t.issueHead.example].map((name, i) => (
                      <th scope="col" key={name} className={`px-3 py-2 ${i > 0 && i < 4 ? 'text-right' : ''}`}>{name}</th>
                    ))}
                  </tr>
                </thead>
                <tbody className="divide-y divide-line">
                  {data.pages.flatMap((page) => page.items).map((issue) => <Line key={`${issue.column} ${issue.kind} ${issue.whole}`} issue={issue} />)}
                </tbody>
              </table>
            </div>
            <More pages={pages} />
          </>
        )}
      </Answered>
    </section>
  )
}

function Line({ issue }: { issue: IssueLine }) {
  const first = issue.examples[0] as { value?: string | null; new?: string | null; mended?: boolean; why?: string | null } | undefined
  return (
    <tr className="align-baseline">
      <td className="px-3 py-1.5 whitespace-nowrap">
        <Link to={`/runs/${issue.run}`}><span className="font-medium">{issue.column ?? t.wholeRows}</span></Link>{' '}
        <span className="text-soft">{issue.kind.replaceAll('_', ' ')}</span>
      </td>
      <td className="px-3 py-1.5 text-right">{plain(Math.round(issue.cost * 10) / 10)}</td>
      <td className="px-3 py-1.5 text-right text-soft">{issue.whole ? '–' : n(issue.cells)}</td>
      <td className="px-3 py-1.5 text-right">{issue.mended ? <span className="mended">{n(issue.mended)}</span> : '–'}</td>
      <td className="px-3 py-1.5 text-sm text-soft">
        <div className="line-clamp-2 wrap-anywhere">
          {first?.mended && first.value != null && first.new != null
            ? <><span className="cell">{visible(first.value)}</span> → <span className="cell mended">{visible(first.new)}</span></>
            : first?.why}
        </div>
      </td>
    </tr>
  )
}
