import type { Recipe } from '../api/lists'
import type { Part } from '../logic/undone'
import { n, texts } from '../texts'
import { Coded } from './States'

const t = texts.run

interface Props {
  recipes: Recipe[]
  column: string | null
  recipe: string | null
  onShow: (part: Part) => void
}

const wordsOf = (each: Recipe) => each.text ?? `${each.healer.replaceAll('_', ' ')}${each.column ? `: ${each.column}` : ''}`

/** The recipes of a run; choosing one shows its changes only. */
export function Recipes({ recipes, column, recipe, onShow }: Props) {
  const columns = [...new Set(recipes.flatMap((each) => (each.column === null ? [] : [each.column])))].sort()
  return (
    <section aria-label={t.recipes} className="flex min-w-0 flex-col gap-3">
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-1">
        <label className="flex flex-col gap-1 text-sm text-soft">
          {t.columns}
          <select className="field text-base" value={column ?? ''} onChange={(event) => onShow({ column: event.target.value || null })}>
            <option value="">{t.allColumns}</option>
            {columns.map((each) => <option key={each}>{each}</option>)}
          </select>
        </label>
        <label className="flex min-w-0 flex-col gap-1 text-sm text-soft xl:hidden">
          {t.recipes}
          <select className="field w-full text-base" value={recipe ?? ''} onChange={(event) => onShow({ recipe: event.target.value || null })}>
            <option value="">{t.allRecipes}</option>
            {recipes.filter((each) => each.recipe !== null).map((each) => <option key={each.recipe} value={each.recipe!}>{n(each.edits)} · {wordsOf(each)}</option>)}
          </select>
        </label>
      </div>
      <ul className="sheet hidden divide-y divide-line xl:block">
        {recipes.map((each) => (
          <li key={`${each.recipe} ${each.healer}`}>
            <button aria-pressed={each.recipe !== null && each.recipe === recipe} disabled={each.recipe === null} onClick={() => onShow(each.recipe === recipe ? {} : { recipe: each.recipe })}
              className={`grid w-full grid-cols-[3rem_1fr] gap-2 px-3 py-2 text-left ${each.recipe !== null && each.recipe === recipe ? 'bg-sunk font-medium' : 'hover:bg-sunk'}`}>
              <span className="text-right text-gold-ink tabular-nums">{n(each.edits)}</span>
              <span className="wrap-anywhere"><Coded text={wordsOf(each)} /></span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
