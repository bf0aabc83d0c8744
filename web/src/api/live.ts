import type { QueryClient } from '@tanstack/react-query'
import { API, headers, savedKey } from './client'
import { addEvent, type Event } from './events'

/** The one seam for news from the service: sources say which kinds of things changed, and they are asked for again. */

export type Topic = 'runs' | 'incidents'
export type Source = (changed: (topic: Topic) => void) => () => void

const EVERY_MS = 10_000
const AT_MOST_EVERY_MS = 500 // a flood of events asks no more often than this
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000
const HEADS: Record<Topic, string> = { runs: '/runs?limit=1', incidents: '/incidents?limit=500' }
const TOUCHES: Record<Topic, string[]> = {
  runs: ['runs', 'tables', 'questions', 'course', 'jobs'],
  incidents: ['incidents', 'tables', 'monitors', 'course'],
}
const ABOUT_INCIDENTS = ['verdict', 'alert', 'incident', 'batch']

/** Asks for the heads of both lists, by their ETag, while somebody looks: commands write to the store without telling. */
export const polling: Source = (changed) => {
  const tags = new Map<Topic, string>()
  async function look(topic: Topic) {
    const known = tags.get(topic)
    const answer = await fetch(API + HEADS[topic], { cache: 'no-store', headers: headers(known ? { 'If-None-Match': known } : {}) }).catch(() => null)
    const tag = answer?.headers.get('ETag')
    if (!answer?.ok || !tag) return
    tags.set(topic, tag)
    if (known && known !== tag) changed(topic)
  }
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') (Object.keys(HEADS) as Topic[]).forEach(look)
  }, EVERY_MS)
  return () => clearInterval(timer)
}

/** Listens to the events of the service; comes back where it left off, after ever longer waits. */
export const listening: Source = (changed) => {
  let cursor: number | null = null
  let wait = FIRST_WAIT_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  let socket: WebSocket | undefined
  function open() {
    const made = (socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/quality`))
    made.onopen = () => made.send(JSON.stringify({ authorization: savedKey() ? `Bearer ${savedKey()}` : '', cursor }))
    made.onmessage = (message) => {
      const event = JSON.parse(message.data as string) as Event
      cursor = event.id
      wait = FIRST_WAIT_MS
      if (event.kind === 'listening') return
      addEvent(event)
      changed(ABOUT_INCIDENTS.includes(event.kind) ? 'incidents' : 'runs')
    }
    made.onclose = () => {
      timer = setTimeout(open, wait)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
  }
  open()
  return () => {
    clearTimeout(timer)
    if (!socket) return
    socket.onclose = null
    socket.close()
  }
}

/** At once, and then at most so often: the last call is never lost. */
export function calmed(run: () => void, pause = AT_MOST_EVERY_MS): () => void {
  let isResting = false
  let isWanted = false
  return function call() {
    isWanted = true
    if (isResting) return
    isWanted = false
    isResting = true
    run()
    setTimeout(() => {
      isResting = false
      if (isWanted) call()
    }, pause)
  }
}

export function follow(client: QueryClient, sources: Source[] = [listening, polling]): () => void {
  const ask = (topic: Topic) => calmed(() => TOUCHES[topic].forEach((key) => void client.invalidateQueries({ queryKey: [key] })))
  const asks: Record<Topic, () => void> = { runs: ask('runs'), incidents: ask('incidents') }
  const stops = sources.map((source) => source((topic) => asks[topic]()))
  return () => stops.forEach((stop) => stop())
}
