import { score as shown } from '../logic/shown'
import { texts } from '../texts'

/** A score of 0 to 100; what it was before it was mended stands before it. */
export function Score({ before, after }: { before: number | null; after?: number | null }) {
  const last = after ?? before
  if (last === null) return <span className="text-soft">–</span>
  const isBetter = after != null && before !== null && shown(after) !== shown(before)
  return (
    <span className="whitespace-nowrap tabular-nums">
      {isBetter && <span className="text-soft">{shown(before)} <span aria-hidden>→</span><span className="sr-only">{texts.run.to}</span> </span>}
      {shown(last)}
    </span>
  )
}
