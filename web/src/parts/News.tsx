import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react'
import { texts } from '../texts'

/** What just happened, told at the foot of the page and to screen readers. */

interface Item {
  text: string
  isTrouble?: boolean
  action?: { label: string; run: () => void }
}
const Tell = createContext<(item: Item) => void>(() => undefined)
export const useNews = () => useContext(Tell)
const STAYS_MS = 10_000

export function NewsProvider({ children }: { children: ReactNode }) {
  const [item, setItem] = useState<Item | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const tell = useCallback((next: Item) => {
    clearTimeout(timer.current)
    setItem(next)
    if (!next.isTrouble) timer.current = setTimeout(() => setItem(null), STAYS_MS)
  }, [])
  return (
    <Tell value={tell}>
      {children}
      <div role="status" aria-live="polite" className="pointer-events-none fixed inset-x-0 bottom-16 z-30 flex justify-center px-4 md:bottom-6">
        {item && (
          <div className="pointer-events-auto flex max-w-xl items-center gap-4 rounded-lg bg-ink px-4 py-2.5 text-paper shadow-lg">
            <span>{item.isTrouble ? `${texts.trouble.title}: ${item.text}` : item.text}</span>
            {item.action && (
              <button className="shrink-0 underline underline-offset-4" onClick={() => { item.action!.run(); setItem(null) }}>
                {item.action.label}
              </button>
            )}
            <button aria-label={texts.close} className="shrink-0 px-1" onClick={() => setItem(null)}>×</button>
          </div>
        )}
      </div>
    </Tell>
  )
}
