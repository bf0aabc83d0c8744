import { Suspense, lazy, useMemo } from 'react'
import { path } from '../api/client'
import { usePages } from '../api/lists'
import type { ColumnProfile } from '../api/schema'
import { percent, plain } from '../logic/shown'
import { n, texts } from '../texts'
import { Paged } from './Paged'

const BarChart = lazy(() => import('./BarChart'))
const t = texts.table
const VALUES = 5
const CODES = ['key', 'postcode', 'phone', 'payment_card', 'isbn', 'issn', 'ean'] // digits, but no quantities

/** The columns of a table with their distributions, as the last job that read it saw them. */
export function TableColumns({ table }: { table: string }) {
  const pages = usePages<ColumnProfile>(['tables', table, 'profile'], path`/tables/${table}/profile`, { limit: 24 })
  return (
    <Paged pages={pages} empty={t.noColumns} isQuiet>
      {(columns) => (
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(17rem,1fr))] gap-3">
          {columns.map((column) => <Column key={column.column} column={column} />)}
        </ul>
      )}
    </Paged>
  )
}

function Column({ column }: { column: ColumnProfile }) {
  const chart = useMemo(() => barsOf(column), [column])
  const filled = column.rows ? 1 - column.nulls / column.rows : 0
  return (
    <li className="sheet flex flex-col gap-2 p-3">
      <div className="flex items-baseline justify-between gap-3">
        <h3 className="font-medium wrap-anywhere">{column.column}</h3>
        <span className="shrink-0 text-sm text-soft">{(column.semantic_type ?? column.type).replaceAll('_', ' ')}</span>
      </div>
      <p className="text-sm text-soft">{t.filled(percent(filled), n(column.distinct))}</p>
      {chart && <Suspense fallback={<div className="h-28" />}><BarChart alt={chart.alt} bars={chart.bars} isNamed={chart.isNamed} /></Suspense>}
      {chart?.ends && <p aria-hidden className="-mt-2 flex justify-between text-sm text-soft">{chart.ends.map((end, i) => <span key={i}>{end}</span>)}</p>}
    </li>
  )
}

/** A histogram of numbers; the commonest values of others, unless hardly any comes twice. */
function barsOf({ column, histogram, top, semantic_type: kind }: ColumnProfile) {
  if (histogram.length > 1 && !CODES.includes(kind ?? '')) {
    const bars = histogram.map(([low, high, cells]) => ({ name: `${plain(low as number)} – ${plain(high as number)}`, cells: cells as number }))
    const ends = [plain(histogram[0]![0] as number), plain(histogram.at(-1)![1] as number)] as const
    return { bars, isNamed: false, alt: t.histogramAlt(column, ...ends), ends }
  }
  const bars = top.slice(0, VALUES).map(([value, cells]) => ({ name: String(value), cells: cells as number }))
  return bars.length && bars[0]!.cells > 1 ? { bars, isNamed: true, ends: null, alt: t.topAlt(column, bars.map((bar) => `${bar.name}: ${n(bar.cells)}`).join(', ')) } : null
}
