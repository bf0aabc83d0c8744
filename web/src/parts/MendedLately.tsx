import { Link } from 'react-router'
import { path } from '../api/client'
import { useRuns } from '../api/lists'
import type { RunItem } from '../api/schema'
import { texts } from '../texts'
import { Part } from './Part'
import { Answered } from './States'
import { When } from './When'

const t = texts.overview
const SHOWN = 8
const isIdle = (run: RunItem) => run.set + run.drop + run.add === 0

/** The last runs that changed cells. */
export function MendedLately() {
  const runs = useRuns({ limit: 5 * SHOWN, kind: 'heal' })
  return (
    <Part id="mended" title={t.mended}>
      <Answered query={runs}>
        {({ items }) => items.every(isIdle) ? <p className="text-soft">{t.notMended}</p> : (
          <ul className="sheet divide-y divide-line">
            {items.filter((run) => !isIdle(run)).slice(0, SHOWN).map((run) => (
              <li key={run.run}>
                <Link to={path`/runs/${run.run}`} className="flex items-baseline gap-3 px-4 py-2 text-ink no-underline hover:bg-sunk hover:no-underline">
                  <span className="mr-auto min-w-0 truncate">{run.table}</span>
                  {run.status === 'undone' ? <span className="text-sm whitespace-nowrap text-soft">{texts.run.takenBack}</span> : <span className="mended text-sm whitespace-nowrap">{t.cells(run.set)}</span>}
                  <span className="w-22 text-right text-sm text-soft"><When at={run.started} /></span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </Part>
  )
}
