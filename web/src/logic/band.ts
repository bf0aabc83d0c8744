import type { Lines } from '../parts/LineChart'
import type { Course } from '../api/schema'
import { texts } from '../texts'

/** What was expected of a fact over time, as a chart draws it; nothing where nothing was. */
export function bandOf({ columns, low, high }: Course, fact: string, name = texts.table.expected): Lines['band'] {
  const points = (columns.at as string[]).map((when, i): [string, number | null, number | null] => [when, low[fact]?.[i] ?? null, high[fact]?.[i] ?? null])
  if (points.every(([, from]) => from === null)) return undefined
  return { name, low: texts.table.atLeast, high: texts.table.atMost, points }
}
