import { Link } from 'react-router'
import { path } from '../api/client'
import { usePages, type Issue } from '../api/lists'
import { plain, visible } from '../logic/shown'
import { n, texts } from '../texts'
import { Paged } from './Paged'
import { Sheet } from './Sheet'

const t = texts.table

/** What was wrong with a table when it was mended last, or what a run found, as the history has it. */
export function KeptIssues({ of, name }: { of: 'tables' | 'runs'; name: string }) {
  const pages = usePages<Issue>([of, name, 'issues'], path`/${of}/${name}/issues`, { limit: 12 })
  return <Paged pages={pages} empty={t.noIssues} isQuiet>{(issues) => <Issues issues={issues} withRun={of === 'tables'} />}</Paged>
}

/** What was wrong, by column and kind: the costliest first. */
export function Issues({ issues, withRun = false }: { issues: Issue[]; withRun?: boolean }) {
  return (
    <Sheet label={t.issues} heads={Object.values(t.issueHead)} right={[1, 2, 3]} isWide>
      {issues.map((issue) => <Line key={`${issue.column} ${issue.kind} ${issue.whole}`} issue={issue} withRun={withRun} />)}
    </Sheet>
  )
}

function Line({ issue, withRun }: { issue: Issue; withRun: boolean }) {
  const first = issue.examples?.[0] as { value?: string | null; new?: string | null; mended?: boolean; why?: string | null } | undefined
  const name = <span className="font-medium">{issue.column ?? t.wholeRows}</span>
  return (
    <tr>
      <td className="whitespace-nowrap">
        {withRun ? <Link to={path`/runs/${issue.run!}`}>{name}</Link> : name} <span className="text-soft">{issue.kind.replaceAll('_', ' ')}</span>
      </td>
      <td className="text-right">{plain(Math.round(issue.cost * 10) / 10)}</td>
      <td className="text-right text-soft">{issue.whole ? '–' : n(issue.cells)}</td>
      <td className="text-right">{issue.mended ? <span className="mended">{n(issue.mended)}</span> : '–'}</td>
      <td className="text-sm text-soft">
        <div className="line-clamp-2 wrap-anywhere">
          {first?.mended && first.value != null && first.new != null
            ? <><span className="cell">{visible(first.value)}</span> → <span className="cell mended">{visible(first.new)}</span></>
            : first?.why}
        </div>
      </td>
    </tr>
  )
}
