import { useMemo } from 'react'
import { useCourse, usePages } from '../api/lists'
import type { Course, RunItem } from '../api/schema'
import { bandOf } from '../logic/band'
import { texts } from '../texts'
import { Chart } from './Chart'
import { KeptIssues } from './Issues'
import { Paged } from './Paged'
import { Part } from './Part'
import { RunsTable } from './RunsTable'
import { Answered } from './States'
import { TableColumns } from './TableColumns'

const t = texts.table
const SCORES = Object.keys(texts.dimension).map((name) => `score:${name}`)

/** The runs of a table, and its scores over them. */
export function Runs({ table }: { table: string }) {
  const course = useCourse('tables', table, SCORES)
  const pages = usePages<RunItem>(['runs', 'of', table], '/runs', { table, limit: 50 })
  return (
    <div className="flex flex-col gap-7">
      <Part id="score" title={t.score}>
        <Answered query={course}>{(found) => <Scores course={found} />}</Answered>
      </Part>
      <Part id="issues" title={t.issues}><KeptIssues of="tables" name={table} /></Part>
      <Part id="columns" title={t.columns}><TableColumns table={table} /></Part>
      <Part id="runs" title={t.runs}>
        <Paged pages={pages} empty={texts.runs.none}>{(runs) => <RunsTable runs={runs} withTable={false} />}</Paged>
      </Part>
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
  const band = useMemo(() => bandOf(course, 'score:overall', t.overallExpected), [course])
  if (series.length === 0) return <p className="text-soft">{t.noScores}</p>
  return <div className="sheet p-3"><Chart alt={t.scoreAlt(at.length)} series={series} band={band} max={100} /></div>
}
