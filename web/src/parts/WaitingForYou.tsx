import { useQueries } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { path } from '../api/client'
import { questionsOf, useOpenIncidents, useRuns } from '../api/lists'
import type { RunItem, TableItem } from '../api/schema'
import { healthOf } from '../logic/health'
import { texts } from '../texts'
import { Part } from './Part'
import { Failed } from './States'
import { tablePath } from './TableList'
import { When } from './When'

const t = texts.overview
const LOOKED_AT = 3 // heals whose questions are counted: each has to be opened for that
const COUNTED = 20

/** The last heal of each of the tables that were healed last. */
function lastHeals(runs: RunItem[]): RunItem[] {
  const seen = new Map<string, RunItem>()
  for (const run of runs) if (!seen.has(run.table)) seen.set(run.table, run)
  return [...seen.values()].slice(0, LOOKED_AT)
}

/** What a person should look at, the gravest first. */
export function WaitingForYou({ tables }: { tables: TableItem[] }) {
  const incidents = useOpenIncidents()
  const heals = useRuns({ limit: 20, kind: 'heal' })
  const runs = lastHeals(heals.data?.items ?? [])
  const asked = useQueries({ queries: runs.map((run) => questionsOf(run.run, COUNTED)) })
  const open = incidents.data?.pages.flatMap((page) => page.items) ?? []
  const held = tables.filter((table) => healthOf(table) === 'held' && !open.some((each) => each.table === table.name)).slice(0, 5)
  const counts = runs.map((run, i) => ({ run, items: asked[i]?.data?.items ?? [] })).filter(({ items }) => items.length > 0)
  const isCalm = open.length + held.length + counts.length === 0 && !asked.some((each) => each.isLoading)
  return (
    <Part id="waiting" title={t.waiting}>
      {incidents.error && <Failed error={incidents.error} again={() => void incidents.refetch()} />}
      {isCalm ? <p className="text-soft">{t.calm}</p> : (
        <ul className="sheet divide-y divide-line">
          {open.slice(0, 5).map((each) => (
            <Item key={each.id} to={tablePath({ kind: 'watched', name: each.table })} name={each.table} end={<When at={each.since} />}>
              <span className="text-alarm"><span aria-hidden>▲ </span>{t.incident(each.issue, each.columns)}</span>
            </Item>
          ))}
          {held.map((each) => (
            <Item key={each.id} to={tablePath(each)} name={each.name} end={<When at={each.last_at} />}>
              <span className="text-alarm"><span aria-hidden>◆ </span>{texts.health.held}: {each.issue}</span>
            </Item>
          ))}
          {counts.map(({ run, items }) => (
            <Item key={run.run} to={path`/runs/${run.run}/questions`} name={run.table} end={t.worth(items.reduce((sum, each) => sum + each.cells, 0))}>
              <span className="text-wait"><span aria-hidden>? </span>{items.length < COUNTED ? t.questions(items.length) : t.questionsMany(COUNTED)}</span>
            </Item>
          ))}
        </ul>
      )}
    </Part>
  )
}

function Item({ to, name, end, children }: { to: string; name: string; end: ReactNode; children: ReactNode }) {
  return (
    <li>
      <Link to={to} className="flex flex-wrap items-baseline gap-x-3 px-4 py-2.5 text-ink no-underline hover:bg-sunk hover:no-underline">
        <span className="mr-auto font-medium wrap-anywhere">{name}</span>
        <span className="text-sm text-soft">{end}</span>
        <span className="w-full text-sm">{children}</span>
      </Link>
    </li>
  )
}
