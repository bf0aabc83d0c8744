import { visible } from '../logic/shown'
import { texts } from '../texts'

/** A cell's value, in gold where it was mended. */
export function Value({ text, isNull, mended = false, struck = false }: { text: string | null; isNull?: boolean; mended?: boolean; struck?: boolean }) {
  const isEmpty = text === null || isNull || text === ''
  const look = `cell ${mended ? 'mended' : 'text-soft'} ${struck ? 'line-through decoration-soft' : ''}`
  return <span className={look}>{isEmpty ? <em className="font-sans">{texts.empty}</em> : visible(text)}</span>
}
