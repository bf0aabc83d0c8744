import { useMemo, useState } from 'react'
import { useBatch, useCourse, useMonitor, usePages, type Incident } from '../api/lists'
import type { Course, MonitorStatus } from '../api/schema'
import { bandOf } from '../logic/band'
import { percent } from '../logic/shown'
import { Card } from '../pages/Incidents'
import { n, texts } from '../texts'
import { AlarmList } from './AlarmList'
import { Chart } from './Chart'
import { More } from './More'
import { Figures, Part } from './Part'
import { Answered } from './States'
import { WaitingBatches } from './WaitingBatches'
import { When } from './When'

const t = texts.table

/** A watched table: what waits for a decision, its incidents, its batches over time. */
export function Watched({ table }: { table: string }) {
  const [fact, setFact] = useState('rows')
  const status = useMonitor(table, true)
  const course = useCourse('monitors', table, fact === 'rows' ? [] : [fact])
  const open = usePages<Incident>(['incidents', 'of', table], '/incidents', { table, limit: 50 })
  return (
    <Answered query={status}>
      {(found) => (
        <div className="flex flex-col gap-7">
          <Figures figures={figuresOf(found)} />
          {open.data?.pages.flatMap((page) => page.items).map((each) => <Card key={each.id} incident={each} withTable={false} />)}
          {open.hasNextPage && <div><More pages={open} /></div>}
          <WaitingBatches table={table} batches={found.waiting} />
          <Part id="course" title={t.course} aside={<Facts table={table} last={found.last_batch} fact={fact} onFact={setFact} />}>
            <div className="sheet p-3"><Answered query={course}>{(data) => <CourseChart course={data} fact={fact} />}</Answered></div>
          </Part>
          <Answered query={course}>{(data) => <AlarmList course={data} />}</Answered>
        </div>
      )}
    </Answered>
  )
}

function figuresOf(status: MonitorStatus): [string, React.ReactNode][] {
  return [
    [t.last, <When key="last" at={status.last_at} />],
    [t.batches, n(status.n_batches)],
    [t.alarms, n(status.n_alarms)],
    [t.precision, status.precision === null ? t.noVerdicts : percent(status.precision)],
    ...(status.time_to_detection_min === null ? [] : [[t.detection, t.minutes(status.time_to_detection_min)] as [string, string]]),
  ]
}

function Facts({ table, last, fact, onFact }: { table: string; last: string | null; fact: string; onFact: (fact: string) => void }) {
  const names = Object.keys(useBatch(table, last).data?.facts ?? { rows: 0 })
  return (
    <label className="flex items-center gap-2 text-sm text-soft">
      {t.fact}
      <select className="field text-base" value={fact} onChange={(event) => onFact(event.target.value)}>
        {[...new Set(['rows', ...names])].map((name) => <option key={name} value={name}>{name.replace(':', ' of ').replaceAll('_', ' ')}</option>)}
      </select>
    </label>
  )
}

function CourseChart({ course, fact }: { course: Course; fact: string }) {
  const { at = [], alarm = [], issue = [] } = course.columns as { at: string[]; alarm: boolean[]; issue: string[] }
  const values = (course.columns[fact] ?? []) as (number | null)[]
  const lines = useMemo(() => {
    const points = at.map((when, i): [string, number | null] => [when, values[i] ?? null])
    const marked = points.flatMap(([when, value], i) => (alarm[i] && value !== null ? [[when, value, issue[i] ?? ''] as [string, number, string]] : []))
    return { series: [{ name: fact, points, isStrong: true }], marks: { name: t.alarm, points: marked }, band: bandOf(course, fact) }
  }, [at, alarm, issue, values, fact, course])
  return <Chart alt={t.courseAlt(fact, at.length, lines.marks.points.length)} {...lines} />
}
