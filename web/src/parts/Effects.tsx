import type { Effect } from '../logic/answers'
import { n, texts } from '../texts'
import { Value } from './Value'

const t = texts.questions

/** Some cells as they would be. */
export function Effects({ effects, cells, isReject, isApplied }: { effects: Effect[]; cells: number; isReject: boolean; isApplied: boolean }) {
  if (isReject && !isApplied) return <p className="mt-2 text-soft">{t.unchanged}</p>
  return (
    <>
      <p className="mt-1 text-sm text-soft">{t.shown(effects.length, cells, effects.some((each) => each.column === null))}</p>
      <ul className="mt-2 grid gap-x-8 gap-y-1 lg:grid-cols-2">
        {effects.map((each) => (
          <li key={`${each.row} ${each.column}`} className="flex min-w-0 flex-wrap items-baseline gap-x-3">
            <span className="w-14 text-right text-sm text-soft tabular-nums"><span className="sr-only">{texts.run.head.row} </span>{n(each.row)}</span>
            {each.column === null ? <span>{t.dropRow}</span> : (
              <>
                <span className="font-medium wrap-anywhere">{each.column}</span>
                <span className="min-w-0">
                  {!isReject && each.old !== each.new && <><Value text={each.old} /><span className="mx-1.5 text-soft" aria-hidden>→</span></>}
                  <Value text={each.new} mended={!isReject && each.old !== each.new} />
                </span>
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
