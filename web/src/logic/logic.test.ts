import { ended, withQuiet } from './windows'
import { describe, expect, it } from 'vitest'
import type { QuestionItem, TableItem } from '../api/schema'
import { effectOf, keysOf } from './answers'
import { healthOf, oneOfEach, sorted } from './health'
import { ago, percent, plain, score, visible } from './shown'
import { holding, takes } from './undone'

describe('shown', () => {
  it('makes blanks at the ends visible, and those between words not', () => {
    expect(visible('  Harbor Avenue ')).toBe('··Harbor Avenue·')
    expect(visible('a\tb\u200b')).toBe('a⇥b◌')
    expect(visible('')).toBe('')
  })
  it('never rounds up to certainty', () => {
    expect(percent(0.99996)).toBe('99.9 %')
    expect(percent(1)).toBe('100 %')
    expect(percent(0.00001)).toBe('0.1 %')
    expect(percent(0)).toBe('0 %')
    expect(score(99.97)).toBe('99.9')
    expect(score(100)).toBe('100')
  })
  it('writes no number with more digits than can be read', () => {
    expect(plain(1234567)).toBe('1,234,567')
    expect(plain(0.123456)).toBe('0.1235')
    expect(plain(1e308)).toBe('1.000e+308')
  })
  it('tells how long ago', () => {
    const now = new Date('2026-11-21T12:00:00Z')
    expect(ago('2026-11-21T11:59:30Z', now)).toBe('just now')
    expect(ago('2026-11-21T09:00:00Z', now)).toBe('3 hr. ago')
    expect(ago('2026-10-01T00:00:00Z', now)).toBe('2026-10-01')
  })
})

describe('undos', () => {
  const undo = (run: string, undoes: string) => ({ run, undoes })
  it('hold until they are taken back, and again when that is taken back', () => {
    const first = undo('u1', 'r'), second = undo('u2', 'u1'), third = undo('u3', 'u2')
    expect(holding('r', [first])).toEqual([first])
    expect(holding('r', [second, first])).toEqual([])
    expect(holding('r', [third, second, first])).toEqual([first])
    expect(holding('other', [first])).toEqual([])
  })
})

describe('parts of a run', () => {
  const change = { row: 4, column: 'city', recipe: 'r-12' }
  it('hold the changes that they name', () => {
    expect(takes({}, change)).toBe(true)
    expect(takes({ row: 4, column: 'city' }, change)).toBe(true)
    expect(takes({ row: 4, column: 'street' }, change)).toBe(false)
    expect(takes({ recipe: 'r-1' }, change)).toBe(true)
    expect(takes({ row: 0 }, { ...change, row: 1 })).toBe(false)
  })
})

describe('health', () => {
  const table = (more: Partial<TableItem>): TableItem => ({
    id: 1, name: 't', kind: 'runs', source: '', last: null, last_at: null, rows: null, state: 'heal', alarm: false, issue: null,
    score: 99, score_after: null, ...more,
  })
  it('counts a file that was sent twice once, as it was seen last', () => {
    const old = table({ id: 1, source: 't', last_at: '2026-11-21', score: 50 }), late = table({ id: 2, source: 't', last_at: '2026-11-22' })
    const other = table({ id: 3, source: '/data/t', last_at: '2026-11-20' })
    expect(oneOfEach([old, late, other])).toEqual([late, other])
    expect(oneOfEach([late, other, old])).toEqual([late, other])
  })
  it('names what needs a look', () => {
    expect(healthOf(table({ kind: 'watched', state: 'held', alarm: true }))).toBe('held')
    expect(healthOf(table({ kind: 'watched', state: 'rejected', alarm: true }))).toBe('alarm')
    expect(healthOf(table({ score: 80 }))).toBe('low')
    expect(healthOf(table({ score: 80, score_after: 95 }))).toBe('well')
    expect(healthOf(table({ score: null }))).toBe('unknown')
  })
  it('puts it first', () => {
    const names = sorted([table({ name: 'b' }), table({ name: 'a', last_at: '2026-01-01' }), table({ name: 'z', score: 1 })])
    expect(names.map((each) => each.name)).toEqual(['z', 'a', 'b'])
  })
})

describe('answers', () => {
  const option = (name: string, value: string | null) => ({ option: name, text: name, effect: [{ row: 1, column: 'city', new: value }] })
  const question: QuestionItem = {
    question: 'q', text: '', cells: 1, confidence: 0.9, applied: false,
    options: [option('accept', 'Nice'), option('r-1', 'Lyon'), option('r-2', 'Paris'), option('reject', 'Nicee')],
  }
  it('have keys', () => {
    expect([...keysOf(question)].map(([key, each]) => [key, each.option])).toEqual([['a', 'accept'], ['1', 'r-1'], ['2', 'r-2'], ['r', 'reject']])
  })
  it('show what a cell holds without them', () => {
    expect(effectOf(question, question.options[0]!)).toEqual([{ row: 1, column: 'city', old: 'Nicee', new: 'Nice' }])
  })
})

describe('windows of a stream', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 0, 0, second)).toISOString()
  const some = (second: number) => ({ at: at(second), seconds: 10, events: 5, healed: 1, quarantined: 0, late_ms: 3, lag: 7 })
  it('are nothing where nothing came', () => {
    expect(withQuiet([])).toEqual([])
    const filled = withQuiet([some(0), some(200)])
    expect(filled.map((each) => each.at)).toEqual(Array.from({ length: 21 }, (_, i) => at(i * 10)))
    expect(filled.map((each) => each.events)).toEqual([5, ...Array(19).fill(0), 5])
  })
  it('are over when their time is', () => {
    const two = [some(0), some(10)]
    expect(ended(two, Date.parse(at(19)))).toEqual([two[0]])
    expect(ended(two, Date.parse(at(20)))).toEqual(two)
    expect(ended(two, Date.parse(at(5)))).toEqual(two)
  })
  it('begin early enough for a course', () => expect(withQuiet([some(600)]).map((each) => each.late_ms)).toEqual([...Array(11).fill(null), 3]))
})
