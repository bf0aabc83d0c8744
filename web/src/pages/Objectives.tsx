import { Link } from 'react-router'
import { useObjectives } from '../api/lists'
import type { ObjectiveItem } from '../api/schema'
import { percent } from '../logic/shown'
import { Answered, Coded, Empty } from '../parts/States'
import { tablePath } from '../parts/TableList'
import { Title } from '../parts/Title'
import { texts } from '../texts'

const t = texts.objectives
const LOOK: Record<string, [string, string]> = { ok: ['●', 'text-good'], at_risk: ['▼', 'text-wait'], breached: ['▲', 'text-alarm'] }

interface Outlook {
  day: string | null
  earliest: string | null
  latest: string | null
  probability: number | null
  horizon_days: number
  message: string
}

export function Objectives() {
  const objectives = useObjectives()
  return (
    <>
      <Title text={t.title} />
      <Answered query={objectives}>
        {({ items }) => items.length === 0
          ? <Empty title={t.none}><p><Coded text={t.noneBody} /></p></Empty>
          : <ul className="flex flex-col gap-4">{items.map((each) => <li key={`${each.table} ${each.objective}`}><Card objective={each} /></li>)}</ul>}
      </Answered>
    </>
  )
}

function Card({ objective: at }: { objective: ObjectiveItem }) {
  const [shape, colour] = LOOK[at.state] ?? LOOK.ok!
  const outlook = at.outlook as unknown as Outlook
  const facts: [string, string][] = [
    [t.attained, at.attained === null ? t.never : `${percent(at.attained)} (${t.misses(at.n_missed, at.n_counted)})`],
    [t.target, percent(at.target)],
    [t.window, `${at.start} – ${at.end}`],
    ...(at.burn_rate === null ? [] : [[t.burn, t.rate(at.burn_rate)] as [string, string]]),
    ...(at.last_missed === null ? [] : [[t.missed, at.last_missed] as [string, string]]),
    [t.forecast, foretold(outlook)],
  ]
  return (
    <article className="sheet p-4" aria-label={`${at.table}: ${at.objective}`}>
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <h2 className="wrap-anywhere">{at.objective}</h2>
        <Link to={tablePath({ kind: 'watched', name: at.table })}>{at.table}</Link>
        <span className={`ml-auto font-medium ${colour}`}><span aria-hidden>{shape} </span>{t.state[at.state]}</span>
      </div>
      <Budget objective={at} />
      <dl className="mt-3 flex flex-wrap gap-x-8 gap-y-2">
        {facts.map(([name, value]) => <div key={name}><dt className="text-sm text-soft">{name}</dt><dd className="wrap-anywhere">{value}</dd></div>)}
      </dl>
    </article>
  )
}

/** How much of the error budget is left. */
function Budget({ objective: { left, allowed, state } }: { objective: ObjectiveItem }) {
  const share = allowed > 0 ? Math.min(Math.max(left / allowed, 0), 1) : left < 0 ? 0 : 1
  const words = left < 0 ? t.over(-left, allowed) : t.left(left, allowed)
  const fill = state === 'breached' ? 'bg-alarm' : state === 'at_risk' ? 'bg-wait' : 'bg-good'
  return (
    <div className="mt-3">
      <div className="flex justify-between gap-4 text-sm"><span className="text-soft">{t.budget}</span><span>{words}</span></div>
      <div role="meter" aria-label={t.budget} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)} aria-valuetext={words}
        className="mt-1 h-2 overflow-hidden rounded-full bg-sunk">
        <div className={`h-full ${fill}`} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  )
}

function foretold({ day, probability, horizon_days: days, message }: Outlook): string {
  if (day && probability !== null) return t.breach(day, percent(probability), days)
  if (probability !== null) return t.noBreach(percent(probability), days)
  return message
}
