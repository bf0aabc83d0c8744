import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useLayoutEffect, useRef, useState } from 'react'
import { Link } from 'react-router'
import { path } from '../api/client'
import type { TableItem } from '../api/schema'
import { healthOf } from '../logic/health'
import { n, texts } from '../texts'
import { Score } from './Score'
import { State } from './State'
import { When } from './When'

const t = texts.overview
const COLUMNS = 'grid grid-cols-[1fr_auto] md:grid-cols-[8.5rem_minmax(8rem,1fr)_11rem_4.5rem_5.5rem] gap-x-4'

export const tablePath = (table: { kind: string; name: string }) => path`/tables/${table.kind}/${table.name}`

/** Tables, however many there are: only those on the screen are drawn. */
export function TableList({ tables }: { tables: TableItem[] }) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => setTop(box.current?.offsetTop ?? 0), [tables.length])
  const rows = useWindowVirtualizer({ count: tables.length, estimateSize: () => 42, overscan: 12, scrollMargin: top })
  return (
    <div role="table" aria-labelledby="tables" aria-rowcount={tables.length + 1} className="sheet relative overflow-hidden">
      <div role="row" aria-rowindex={1} className={`${COLUMNS} hidden border-b border-line px-4 py-2 text-sm text-soft md:grid`}>
        {[t.head.state, t.head.table, t.head.score, t.head.rows, t.head.last].map((name, i) => (
          <span role="columnheader" key={name} className={i > 2 ? 'text-right' : ''}>{name}</span>
        ))}
      </div>
      <div ref={box} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((item) => (
          <div key={item.key} ref={rows.measureElement} data-index={item.index} role="row" aria-rowindex={item.index + 2}
            className="absolute inset-x-0 top-0 border-b border-line last:border-0" style={{ transform: `translateY(${item.start - top}px)` }}>
            <Row table={tables[item.index]!} />
          </div>
        ))}
      </div>
    </div>
  )
}

function Row({ table }: { table: TableItem }) {
  return (
    <div className={`${COLUMNS} items-baseline px-4 py-2.5 hover:bg-sunk`}>
      <span role="cell" className="order-2 text-right text-sm md:order-none md:text-left md:text-base"><State health={healthOf(table)} /></span>
      <span role="cell" className="min-w-0 truncate">
        <Link to={tablePath(table)} className="font-medium text-ink">{table.name}</Link>
        {table.kind === 'watched' && <span className="ml-2 text-sm text-soft">{t.watched}</span>}
      </span>
      <span role="cell" className="order-3 text-sm md:order-none md:text-base">
        {table.score === null && table.issue && table.issue !== 'none'
          ? <span className="text-alarm">{table.issue}</span>
          : <Score before={table.score} after={table.score_after} />}
      </span>
      <span role="cell" className="hidden text-right md:block">{table.rows === null ? '–' : n(table.rows)}</span>
      <span role="cell" className="order-4 text-right text-sm text-soft md:order-none"><When at={table.last_at} /></span>
    </div>
  )
}
