import type { ReactNode } from 'react'

interface Props {
  label: string
  heads: string[]
  /** Which heads stand over numbers: they, as the numbers, to the right. */
  right?: number[]
  /** Whether lines keep a width at which their sentences can be read. */
  isWide?: boolean
  children: ReactNode
}

/** A table in a box, which scrolls sideways where it is too narrow. */
export function Sheet({ label, heads, right = [], isWide = false, children }: Props) {
  return (
    <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className={`lines ${isWide ? 'min-w-160' : ''}`}>
        <thead>
          <tr>
            {heads.map((name, i) => (name ? <th scope="col" key={name} className={right.includes(i) ? 'text-right' : ''}>{name}</th> : <td key={i} />))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
