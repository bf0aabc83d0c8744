import { useEffect, type ReactNode } from 'react'
import { texts } from '../texts'

/** The heading of a page, which is also its title in the browser. */
export function Title({ text, children }: { text: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${text} · ${texts.name}`
  }, [text])
  return (
    <div className="mb-4 flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
      <h1 className="wrap-anywhere">{text}</h1>
      {children}
    </div>
  )
}
