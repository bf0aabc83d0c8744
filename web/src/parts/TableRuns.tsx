import { useMemo } from 'react'
import { useCourse, usePages } from '../api/lists'
import type { Course, RunItem } from '../api/schema'
import { texts } from '../texts'
import { Chart } from './Chart'
import { More } from './More'
import { RunsTable } from './RunsTable'
import { Answered, Empty } from './States'
import { TableColumns } from './TableColumns'
import { TableIssues } from './TableIssues'

const t = texts.table
const SCORES = Object.keys(texts.dimension).map((name) => `score:${name}`)

/** The runs of a table, and its scores over them. */
export function Runs({ table }: { table: string }) {
  const course = useCourse('tables', table, SCORES)
  const pages = usePages<RunItem>(['runs', 'of', table], '/runs', { table, limit: 50 })
  return (
    <div className="flex flex-col gap-7">
      <section aria-labelledby="score">
        <h2 id="score" className="mb-2">{t.score}</h2>
        <div className="sheet p-3"><Answered query={course}>{(found) => <Scores course={found} />}</Answered></div>
      </section>
      <TableIssues table={table} />
      <TableColumns table={table} />
      <section aria-labelledby="runs">
        <h2 id="runs" className="mb-2">{t.runs}</h2>
        <Answered query={pages}>
          {(data) => data.pages[0]!.items.length === 0 ? <Empty title={texts.runs.none} /> : (
            <><RunsTable runs={data.pages.flatMap((page) => page.items)} withTable={false} /><More pages={pages} /></>
          )}
        </Answered>
      </section>
    </div>
  )
}

function Scores({ course }: { course: Course }) {
  const at = course.columns.at as string[]
  const series = useMemo(
    () => Object.keys(course.columns)
      .filter((name) => name.startsWith('score:') && course.columns[name]!.some((value) => value !== null))
      .map((name) => name.slice('score:'.length))
      .sort((a, b) => Number(b === 'overall') - Number(a === 'overall') || a.localeCompare(b))
      .map((name) => ({
        name: texts.dimension[name] ?? name,
        isStrong: name === 'overall',
        points: at.map((when, i): [string, number | null] => [when, course.columns[`score:${name}`]![i] as number | null]),
      })),
    [course, at],
  )
  return <Chart alt={t.scoreAlt(at.length)} series={series} max={100} />
}
