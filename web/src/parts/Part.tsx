import type { ReactNode } from 'react'

/** A part of a page under its heading. */
export function Part({ id, title, aside, className, children }: { id: string; title: string; aside?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className={className}>
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-2">
        <h2 id={id} className="mr-auto">{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

/** A few numbers that tell how something is. */
export function Figures({ figures }: { figures: [string, ReactNode][] }) {
  return (
    <dl className="flex flex-wrap gap-x-8 gap-y-2">
      {figures.map(([name, value]) => <div key={name}><dt className="text-sm text-soft">{name}</dt><dd className="text-[1.05rem] tabular-nums">{value}</dd></div>)}
    </dl>
  )
}
