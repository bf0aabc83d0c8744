import type { Course } from '../api/schema'
import { exactly } from '../logic/shown'
import { n, texts } from '../texts'
import { Empty } from './States'

const t = texts.table

/** The batches that alarmed, the last first. */
export function AlarmList({ course }: { course: Course }) {
  const columns = course.columns as { name: string[]; at: string[]; rows: number[]; alarm: boolean[]; issue: string[]; state: string[]; verdict_by: (string | null)[] }
  const found = columns.name.map((name, i) => ({ name, i })).filter(({ i }) => columns.alarm[i]).reverse()
  return (
    <section aria-labelledby="alarms">
      <h2 id="alarms" className="mb-2">{t.all}</h2>
      {found.length === 0 ? <Empty title={t.noAlarms} /> : (
        <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.all}>
          <table className="w-full">
            <thead className="border-b border-line text-sm">
              <tr>
                <th scope="col" className="px-4 py-2">{t.batchHead.batch}</th>
                <th scope="col" className="px-4 py-2">{texts.overview.head.last}</th>
                <th scope="col" className="px-4 py-2">{t.batchHead.what}</th>
                <th scope="col" className="px-4 py-2">{texts.overview.head.state}</th>
                <th scope="col" className="px-4 py-2 text-right">{t.batchHead.rows}</th>
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {found.map(({ name, i }) => (
                <tr key={name}>
                  <td className="px-4 py-2 font-medium">{name}</td>
                  <td className="px-4 py-2 whitespace-nowrap text-soft">{exactly(columns.at[i]!).slice(0, 16)}</td>
                  <td className="px-4 py-2 text-alarm"><span aria-hidden>▲ </span>{columns.issue[i]}</td>
                  <td className="px-4 py-2">{columns.state[i]}{columns.verdict_by[i] && ` ${texts.incidents.by(columns.verdict_by[i]!)}`}</td>
                  <td className="px-4 py-2 text-right">{n(columns.rows[i]!)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
