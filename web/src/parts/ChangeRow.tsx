import { memo } from 'react'
import type { Change } from '../api/lists'
import { percent } from '../logic/shown'
import { n, texts } from '../texts'
import { Value } from './Value'

const t = texts.run

interface Props {
  change: Change
  at: number
  isChosen: boolean
  isTaken: boolean
  isUndo: boolean
  onChoose: (at: number) => void
}

/** A change: what the cell held, what it holds now, why, and how sure that is. */
export const ChangeRow = memo(function ChangeRow({ change, at, isChosen, isTaken, isUndo, onChoose }: Props) {
  return (
    <div role="row" data-at={at} tabIndex={isChosen ? 0 : -1} aria-selected={isChosen} onClick={() => onChoose(at)} onFocus={() => onChoose(at)}
      className={`grid scroll-my-24 grid-cols-[auto_1fr_auto] items-baseline gap-x-3 gap-y-1 px-3 py-2 first:rounded-t-lg last:rounded-b-lg @3xl:grid-cols-[3.2rem_8.2rem_minmax(0,1.1fr)_4.2rem_minmax(0,1fr)] ${
        isChosen ? 'bg-sunk shadow-[inset_3px_0_0_var(--ink)]' : 'hover:bg-sunk'}`}>
      <span role="rowheader" className="text-sm text-soft tabular-nums @3xl:text-right"><span className="sr-only">{t.head.row} </span>{n(change.row)}</span>
      <span role="gridcell" className="min-w-0 font-medium wrap-anywhere">{change.column ?? '–'}</span>
      <span role="gridcell" className="order-1 text-right text-sm whitespace-nowrap tabular-nums @3xl:order-2">
        {change.confidence !== null && <><span className="sr-only">{t.head.sure} </span>{percent(change.confidence)}</>}
      </span>
      <span role="gridcell" className="order-2 col-span-3 min-w-0 @3xl:order-1 @3xl:col-span-1">
        <Became change={change} isTaken={isTaken} isUndo={isUndo} />
      </span>
      <span role="gridcell" className="order-3 col-span-3 min-w-0 text-sm wrap-anywhere text-soft @3xl:col-span-1">
        {change.why && <>{change.why}{'\u00a0· '}</>}<span className="whitespace-nowrap">{change.healer.replaceAll('_', ' ')}</span>
      </span>
    </div>
  )
})

function Became({ change, isTaken, isUndo }: { change: Change; isTaken: boolean; isUndo: boolean }) {
  if (change.edit !== 'set') return <span className={isTaken ? 'text-soft line-through' : 'mended'}>{t.row[change.edit]}</span>
  return (
    <>
      <Value text={change.old} isNull={change.old_null} />
      <span className="mx-2 text-soft"><span aria-hidden>→</span><span className="sr-only"> {t.to} </span></span>
      <Value text={change.new} isNull={change.new_null} mended={!isTaken && !isUndo} struck={isTaken} />
      {isTaken && <span className="ml-2 text-sm text-soft">{t.takenBack}</span>}
    </>
  )
}
