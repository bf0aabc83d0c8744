import type { RecipeTold, Report } from '../api/lists'
import { percent } from '../logic/shown'
import { texts } from '../texts'
import { Part } from './Part'
import { Coded, Empty } from './States'
import { Value } from './Value'

const t = texts.run
const SHOWN = 12 // of each part, before the others are asked for: as in the static report

/** What a heal did, what it suggests and what it withdrew, in words, with examples. */
export function RecipesTold({ report }: { report: Report }) {
  const parts = (['applied', 'suggested', 'withdrawn'] as const).filter((part) => report[part].length > 0)
  if (parts.length === 0) return <Empty title={t.none} />
  return (
    <div className="flex flex-col gap-6">
      {parts.map((part) => (
        <Part key={part} id={part} title={t.became[part]}>
          <Recipes recipes={report[part].slice(0, SHOWN)} isApplied={part === 'applied'} />
          {report[part].length > SHOWN && (
            <details className="mt-2">
              <summary className="button inline-block cursor-pointer">{t.others(report[part].length - SHOWN)}</summary>
              <div className="mt-2"><Recipes recipes={report[part].slice(SHOWN)} isApplied={part === 'applied'} /></div>
            </details>
          )}
        </Part>
      ))}
    </div>
  )
}

function Recipes({ recipes, isApplied }: { recipes: RecipeTold[]; isApplied: boolean }) {
  return <ol className="sheet divide-y divide-line">{recipes.map((each, i) => <li key={i} className="px-4 py-3"><Recipe recipe={each} isApplied={isApplied} /></li>)}</ol>
}

function Recipe({ recipe, isApplied }: { recipe: RecipeTold; isApplied: boolean }) {
  const isTold = recipe.reason?.includes(' sure, ') // the reason says how sure it is
  const facts = [t.changes(recipe.cells, recipe.edit), recipe.sure === null || isTold ? '' : t.sure(percent(recipe.sure)), isApplied ? '' : recipe.reason]
  return (
    <>
      <h3 className="font-medium wrap-anywhere"><Coded text={recipe.text} /></h3>
      <p className="text-sm text-soft">{facts.filter(Boolean).join(' · ')}</p>
      <ul className="mt-1.5 flex flex-col gap-1">
        {recipe.examples.map((each, i) => (
          <li key={i} className="flex flex-wrap items-baseline gap-x-3">
            <span className="min-w-0">
              {each.edit === 'set' ? <><Value text={each.old} /> <span aria-hidden className="text-soft">→</span><span className="sr-only">{t.to}</span> <Value text={each.new} mended={isApplied} /></> : t.row[each.edit]}
              {each.cells > 1 && <span className="ml-2 text-sm text-soft">{t.times(each.cells)}</span>}
            </span>
            {each.why && <span className="min-w-0 text-sm wrap-anywhere text-soft">{each.why}</span>}
          </li>
        ))}
      </ul>
    </>
  )
}
