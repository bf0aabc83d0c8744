import { n } from '../texts'

/** How values are shown. */

/** A cell's text with blanks at its ends and invisible characters made visible. */
export function visible(text: string): string {
  const ends = (part: string) => part.replace(/ /g, '·')
  return text
    .replace(/^ +/, ends)
    .replace(/ +$/, ends)
    .replace(/\t/g, '⇥')
    .replace(/\n/g, '↵')
    .replace(/\u00a0/g, '⍽')
    .replace(/[\u200b-\u200d\ufeff]/g, '◌')
}

/** A probability in per cent; never 100 unless it is 1, nor 0 unless it is 0. */
export function percent(share: number): string {
  const rounded = Math.round(share * 1000) / 10
  const kept = share < 1 ? Math.min(rounded, 99.9) : rounded
  return `${share > 0 ? Math.max(kept, 0.1) : kept} %`
}

/** A score of 0 to 100. */
export const score = (value: number) => (value >= 100 ? '100' : Math.min(value, 99.9).toFixed(1))

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60]]

/** How long ago a moment is; its date where that is more than a week. */
export function ago(moment: string, now: Date = new Date()): string {
  const then = new Date(moment)
  const seconds = (then.getTime() - now.getTime()) / 1000
  if (Math.abs(seconds) > 7 * 86_400) return then.toISOString().slice(0, 10)
  for (const [unit, size] of STEPS) if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit)
  return 'just now'
}

export const exactly = (moment: string) => moment.replace('T', ' ').replace(/(\.\d+)?(Z|\+00:00)$/, ' UTC')

const LONG = 1e15 // beyond it the digits are no longer exact, and too many to read

/** A number without noise. */
export function plain(value: number): string {
  if (Math.abs(value) >= LONG) return value.toExponential(3)
  if (Number.isInteger(value)) return n(value)
  return Math.abs(value) >= 1000 ? n(Math.round(value)) : String(Number(value.toPrecision(4)))
}
