import type { ReactNode } from 'react'
import { texts } from '../texts'

/** What stands where there is nothing to show (yet). */

/** Words with `commands` among them. */
export function Coded({ text }: { text: string }) {
  return text.split('`').map((part, i) => (i % 2 ? <code key={i} className="rounded bg-sunk px-1 font-mono text-[0.88em]">{part}</code> : part))
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-lg border border-dashed border-line px-5 py-8 text-center">
      <p className="font-medium">{<Coded text={title} />}</p>
      {children && <div className="mt-2 text-soft">{children}</div>}
    </div>
  )
}

export function Failed({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div role="alert" className="rounded-lg border border-alarm bg-alarm-bg px-5 py-4">
      <p className="font-medium text-alarm">{texts.trouble.title}</p>
      <p className="mt-1 wrap-anywhere">{error.message}</p>
      {again && <button className="button mt-3" onClick={again}>{texts.trouble.again}</button>}
    </div>
  )
}

export function Waiting() {
  return <p role="status" className="py-6 text-soft">{texts.loading} …</p>
}

interface Asked<T> {
  data: T | undefined
  error: Error | null
  refetch: () => unknown
}

/** The answer to a query, or why there is none. */
export function Answered<T>({ query, children }: { query: Asked<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data)
  return query.error ? <Failed error={query.error} again={() => void query.refetch()} /> : <Waiting />
}
