import type { Health } from '../logic/health'
import { texts } from '../texts'

const LOOK: Record<Health, [string, string]> = {
  alarm: ['▲', 'text-alarm'], held: ['◆', 'text-alarm'], low: ['▼', 'text-wait'], unknown: ['○', 'text-soft'], well: ['●', 'text-good'],
}

/** A state by shape, colour and word. */
export function State({ health, detail }: { health: Health; detail?: string | null }) {
  const [shape, colour] = LOOK[health]
  return (
    <span className={`whitespace-nowrap ${colour}`}>
      <span aria-hidden className="mr-1.5 text-[0.8em]">{shape}</span>
      {texts.health[health]}{detail ? `: ${detail}` : ''}
    </span>
  )
}
