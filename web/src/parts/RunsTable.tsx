import { Link } from 'react-router'
import { path } from '../api/client'
import type { RunItem } from '../api/schema'
import { n, texts } from '../texts'
import { Score } from './Score'
import { Sheet } from './Sheet'
import { tablePath } from './TableList'
import { When } from './When'

const t = texts.runs

const all = Object.values(t.head)

const overall = (run: RunItem, which: 'scores' | 'scores_after') =>
  (run.summary[which] as Record<string, number | null> | undefined)?.overall ?? null

/** Runs, a row each. */
export function RunsTable({ runs, withTable = true }: { runs: RunItem[]; withTable?: boolean }) {
  return (
    <Sheet label={t.title} heads={withTable ? all : all.filter((name) => name !== t.head.table)} right={[withTable ? 3 : 2]}>
      {runs.map((run) => (
        <tr key={run.run} className="hover:bg-sunk">
          <td><Link to={path`/runs/${run.run}`}><When at={run.started} /></Link></td>
          <td>{t.kindName[run.kind] ?? run.kind}</td>
          {withTable && <td>{run.kind === 'heal' ? <Link to={tablePath({ kind: 'runs', name: run.table })} className="text-ink">{run.table}</Link> : run.table}</td>}
          <td className="text-right">{run.kind === 'undo' ? <>−{n(run.set)}</> : run.status === 'undone' ? <span className="text-soft">{texts.run.takenBack}</span> : <span className={run.set ? 'mended' : 'text-soft'}>{n(run.set)}</span>}</td>
          <td><Score before={overall(run, 'scores')} after={overall(run, 'scores_after')} /></td>
        </tr>
      ))}
    </Sheet>
  )
}
