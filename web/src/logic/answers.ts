import type { Option, QuestionItem } from '../api/schema'

/** Keys and effects of the answers to a question. */

export interface Effect {
  row: number
  column: string | null
  old: string | null
  new: string | null
}

/** The key of each option: a accepts, r rejects, digits are the others, in their order. */
export function keysOf(question: QuestionItem): Map<string, Option> {
  const found = new Map<string, Option>()
  let digit = 1
  for (const option of question.options) {
    const key = option.option === 'accept' ? 'a' : option.option === 'reject' ? 'r' : String(digit++)
    found.set(key, option)
  }
  return found
}

/** The cells of an option beside what they hold without it: rejecting leaves or restores that. */
export function effectOf(question: QuestionItem, option: Option): Effect[] {
  const cell = (each: Record<string, unknown>) => `${String(each.row)}\u0000${String(each.column)}`
  const left = question.options.find((each) => each.option === 'reject')?.effect ?? []
  const olds = new Map(left.map((each) => [cell(each), each.new as string | null]))
  return option.effect.map((each) => ({
    row: each.row as number,
    column: (each.column as string | null) ?? null,
    old: olds.get(cell(each)) ?? null,
    new: (each.new as string | null) ?? null,
  }))
}
