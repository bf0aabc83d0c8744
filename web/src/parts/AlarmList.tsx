import type { Course } from '../api/schema'
import { exactly } from '../logic/shown'
import { n, texts } from '../texts'
import { Part } from './Part'
import { Sheet } from './Sheet'
import { Empty } from './States'

const t = texts.table

/** The batches that alarmed, the last first. */
export function AlarmList({ course }: { course: Course }) {
  const columns = course.columns as { name: string[]; at: string[]; rows: number[]; alarm: boolean[]; issue: string[]; state: string[]; verdict_by: (string | null)[] }
  const found = columns.name.map((name, i) => ({ name, i })).filter(({ i }) => columns.alarm[i]).reverse()
  return (
    <Part id="alarms" title={t.all}>
      {found.length === 0 ? <Empty title={t.noAlarms} /> : (
        <Sheet label={t.all} heads={[t.batchHead.batch, texts.overview.head.last, t.batchHead.what, texts.overview.head.state, t.batchHead.rows]} right={[4]}>
          {found.map(({ name, i }) => (
            <tr key={name}>
              <td className="font-medium">{name}</td>
              <td className="whitespace-nowrap text-soft">{exactly(columns.at[i]!).slice(0, 16)}</td>
              <td className="text-alarm"><span aria-hidden>▲ </span>{columns.issue[i]}</td>
              <td>{columns.state[i]}{columns.verdict_by[i] && ` ${texts.incidents.by(columns.verdict_by[i]!)}`}</td>
              <td className="text-right">{n(columns.rows[i]!)}</td>
            </tr>
          ))}
        </Sheet>
      )}
    </Part>
  )
}
