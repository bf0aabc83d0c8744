import { Link } from 'react-router'
import { path } from '../api/client'
import { useRuns } from '../api/lists'
import { texts } from '../texts'
import { Part } from './Part'
import { Answered } from './States'
import { When } from './When'

const t = texts.overview

/** The last runs that changed cells. */
export function MendedLately() {
  const runs = useRuns({ limit: 8, kind: 'heal' })
  return (
    <Part id="mended" title={t.mended}>
      <Answered query={runs}>
        {({ items }) => items.length === 0 ? <p className="text-soft">{t.notMended}</p> : (
          <ul className="sheet divide-y divide-line">
            {items.map((run) => (
              <li key={run.run}>
                <Link to={path`/runs/${run.run}`} className="flex items-baseline gap-3 px-4 py-2 text-ink no-underline hover:bg-sunk hover:no-underline">
                  <span className="mr-auto min-w-0 truncate">{run.table}</span>
                  <span className="mended text-sm whitespace-nowrap">{t.cells(run.set)}</span>
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
