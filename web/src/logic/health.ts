import type { TableItem } from '../api/schema'

/** How a table is doing, worst first. */

export type Health = 'alarm' | 'held' | 'low' | 'unknown' | 'well'
const ORDER: Health[] = ['alarm', 'held', 'low', 'unknown', 'well']
export const LOW = 90 // of 100: one cell in ten is not as it should be

export const lastScore = (table: TableItem) => table.score_after ?? table.score

export function healthOf(table: TableItem): Health {
  if (table.state === 'held') return 'held'
  if (table.alarm) return 'alarm'
  const score = lastScore(table)
  if (score === null) return table.kind === 'watched' ? 'well' : 'unknown'
  return score < LOW ? 'low' : 'well'
}

export const needsLook = (table: TableItem) => ['alarm', 'held', 'low'].includes(healthOf(table))

/** A file that is sent again and again is one table: as it was seen last. */
export function oneOfEach(tables: TableItem[]): TableItem[] {
  const last = new Map<string, TableItem>()
  for (const table of tables) {
    const key = JSON.stringify([table.kind, table.name, table.source])
    const known = last.get(key)
    if (known === undefined || (known.last_at ?? '') < (table.last_at ?? '')) last.set(key, table)
  }
  return [...last.values()]
}

/** Those that need a look first, then those that were seen last. */
export function sorted(tables: TableItem[]): TableItem[] {
  const rank = new Map(tables.map((table) => [table, ORDER.indexOf(healthOf(table))]))
  return [...tables].sort(
    (a, b) => rank.get(a)! - rank.get(b)! || (b.last_at ?? '').localeCompare(a.last_at ?? '') || a.name.localeCompare(b.name),
  )
}
