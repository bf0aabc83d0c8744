import { expect, it } from 'vitest'
import { withEvent, type Event } from './events'

const job = (id: number, name: string, state: string): Event => ({ id, at: '', kind: 'job', body: { job: name, state } })

it('keeps the last word of each job, newest first, and not too many', () => {
  let known: Event[] = []
  for (const event of [job(1, 'a', 'queued'), job(2, 'b', 'queued'), job(3, 'a', 'done')]) known = withEvent(known, event)
  expect(known.map((event) => [event.id, event.body.state])).toEqual([[3, 'done'], [2, 'queued']])
  expect(withEvent(known, job(3, 'a', 'done'))).toHaveLength(2)
  for (let id = 4; id < 100; id++) known = withEvent(known, { id, at: '', kind: 'alert', body: {} })
  expect(known.length).toBe(30)
  expect(known[0]!.id).toBe(99)
})
