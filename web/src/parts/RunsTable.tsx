import { Link } from 'react-router'
import { path } from '../api/client'
import type { RunItem } from '../api/schema'
import { n, texts } from '../texts'
import { Score } from './Score'
import { tablePath } from './TableList'
import { When } from './When'

const t = texts.runs

export const overall = (run: RunItem, which: 'scores' | 'scores_after') =>
  (run.summary[which] as Record<string, number | null> | undefined)?.overall ?? null

/** Runs, a row each. */
export function RunsTable({ runs, withTable = true }: { runs: RunItem[]; withTable?: boolean }) {
  return (
    <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.title}>
      <table className="w-full">
        <thead className="border-b border-line text-sm">
          <tr>
            <th scope="col" className="px-4 py-2">{t.head.when}</th>
            <th scope="col" className="py-2 pr-4">{t.head.kind}</th>
            {withTable && <th scope="col" className="py-2 pr-4">{t.head.table}</th>}
            <th scope="col" className="py-2 pr-4 text-right">{t.head.cells}</th>
            <th scope="col" className="py-2 pr-4">{t.head.score}</th>
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {runs.map((run) => (
            <tr key={run.run} className="hover:bg-sunk">
              <td className="px-4 py-2"><Link to={path`/runs/${run.run}`}><When at={run.started} /></Link></td>
              <td className="py-2 pr-4">{t.kindName[run.kind] ?? run.kind}</td>
              {withTable && <td className="py-2 pr-4">{run.kind === 'heal' ? <Link to={tablePath({ kind: 'runs', name: run.table })} className="text-ink">{run.table}</Link> : run.table}</td>}
              <td className="py-2 pr-4 text-right">{run.kind === 'undo' ? <>−{n(run.set)}</> : <span className="mended">{n(run.set)}</span>}</td>
              <td className="py-2 pr-4"><Score before={overall(run, 'scores')} after={overall(run, 'scores_after')} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
