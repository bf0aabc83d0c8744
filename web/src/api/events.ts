import { useSyncExternalStore } from 'react'

/** What the service told while the page is open, newest first; of a job only its last word. */

export interface Event {
  id: number
  at: string
  kind: string
  body: Record<string, unknown>
}

const KEPT = 30
let events: Event[] = []
const watchers = new Set<() => void>()

const sameJob = (a: Event, b: Event) => a.kind === 'job' && b.kind === 'job' && a.body.job === b.body.job

export function withEvent(known: Event[], event: Event): Event[] {
  return [event, ...known.filter((each) => !sameJob(each, event) && each.id !== event.id)].slice(0, KEPT)
}

export function addEvent(event: Event) {
  events = withEvent(events, event)
  watchers.forEach((tell) => tell())
}

export const useEvents = () =>
  useSyncExternalStore(
    (tell) => {
      watchers.add(tell)
      return () => void watchers.delete(tell)
    },
    () => events,
  )
