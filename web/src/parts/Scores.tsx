import type { Dimensions } from '../api/lists'
import { score } from '../logic/shown'
import { texts } from '../texts'

const t = texts.run

/** Scores before and after by dimension; those that did not change are quiet. */
export function Scores({ before, after }: { before: Dimensions; after: Dimensions | null | undefined }) {
  const names = ['overall', ...Object.keys(before).filter((name) => name !== 'overall')].filter((name) => before[name] != null)
  if (names.length === 0) return null // a table without rows has none
  return (
    <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.scores}>
      <table className="text-sm">
        <caption className="sr-only">{t.scores}</caption>
        <thead>
          <tr>
            <td />
            {names.map((name) => <th key={name} scope="col" className="px-3 pt-2 text-right whitespace-nowrap">{texts.dimension[name] ?? name}</th>)}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row" className="px-3 py-1">{t.before}</th>
            {names.map((name) => <td key={name} className="px-3 py-1 text-right text-soft">{score(before[name]!)}</td>)}
          </tr>
          {after && (
            <tr>
              <th scope="row" className="px-3 pb-2">{t.after}</th>
              {names.map((name) => {
                const now = after[name] ?? before[name]!
                const isSame = score(now) === score(before[name]!)
                return <td key={name} className={`px-3 pb-2 text-right ${isSame ? 'text-soft' : 'font-semibold'}`}>{score(now)}</td>
              })}
            </tr>
          )}
        </tbody>
      </table>
    </div>
  )
}
