import type { StreamWindow } from '../api/lists'

const LEAST = 12 // windows that a chart begins with: a single point has no course

/** With a window of nothing wherever none came between the others, and before the first where there are few. */
export function withQuiet(windows: StreamWindow[]): StreamWindow[] {
  const [first, last] = [windows[0], windows.at(-1)]
  if (!first || !last) return []
  const step = first.seconds * 1_000
  const known = new Map(windows.map((each) => [Date.parse(each.at), each]))
  const end = Date.parse(last.at)
  const begin = Math.min(Date.parse(first.at), end - (LEAST - 1) * step)
  const moments = Array.from({ length: Math.round((end - begin) / step) + 1 }, (_, i) => begin + i * step)
  return moments.map((at) => known.get(at) ?? { at: new Date(at).toISOString(), seconds: first.seconds, events: 0, healed: 0, quarantined: 0, late_ms: null, lag: null })
}

/** Those that are over: of one that still runs a part has yet to come. All of them where none is over. */
export function ended(windows: StreamWindow[], now: number): StreamWindow[] {
  const found = windows.filter((each) => Date.parse(each.at) + each.seconds * 1_000 <= now)
  return found.length > 0 ? found : windows
}
