import { useEffect, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { path } from '../api/client'
import { usePages, type Change, type Recipe } from '../api/lists'
import type { RunDetail } from '../api/schema'
import { takes, type Part } from '../logic/undone'
import { texts } from '../texts'
import { Ask, Keys, type Question } from './Ask'
import { Correct } from './Correct'
import { ChangeRow } from './ChangeRow'
import { useKeys } from './keys'
import { More } from './More'
import { Recipes } from './Recipes'
import { Answered, Empty } from './States'
import { useTakenBack, useUndo } from './useUndo'

const t = texts.run
type Reach = keyof typeof t.undo

/** The cells that a run changed, and taking them back. */
export function Changes({ run }: { run: RunDetail }) {
  const recipes = run.recipes as unknown as Recipe[]
  const [column, setColumn] = useState<string | null>(null)
  const [recipe, setRecipe] = useState<string | null>(null)
  const [at, setAt] = useState(0)
  const [question, setQuestion] = useState<Question | null>(null)
  const [isHelp, setHelp] = useState(false)
  const [correcting, setCorrecting] = useState<Change | null>(null)
  const pages = usePages<Change>(['runs', run.run, 'changes', column, recipe], path`/runs/${run.run}/changes`, { limit: 200, column, recipe }, run.edits > 0)
  const changes = pages.data?.pages.flatMap((page) => page.items) ?? []
  const taken = useTakenBack(run)
  const undo = useUndo()
  const go = useNavigate()
  const current = changes[at]

  function show(next: Part) {
    setColumn(next.column ?? null)
    setRecipe(next.recipe ?? null)
    setAt(0)
  }
  function partOf(reach: Reach): { part: Part; title: string } | null {
    if (reach === 'run') return { part: {}, title: t.undoTitle.run(run.edits) }
    if (!current) return null
    const { row, column: of, recipe: by } = current
    if (reach === 'cell') return of === null ? { part: { row }, title: t.undoTitle.row(row) } : { part: { row, column: of }, title: t.undoTitle.cell(row, of) }
    if (reach === 'column') return of === null ? null : { part: { column: of }, title: t.undoTitle.column(of, null) }
    return by === null ? null : { part: { recipe: by }, title: t.undoTitle.recipe(recipes.find((each) => each.recipe === by)?.edits ?? 0) }
  }
  function askUndo(reach: Reach) {
    const wanted = partOf(reach)
    if (wanted) setQuestion({ title: wanted.title, body: t.undoBody, go: t.undoGo, run: () => void undo(run.run, wanted.part) })
    return true
  }
  const canCorrect = run.kind === 'heal' && run.status === 'done' && current?.edit === 'set'
  function correct() {
    if (canCorrect) setCorrecting(current)
    return canCorrect
  }
  function move(by: number) {
    const next = Math.min(Math.max(at + by, 0), changes.length - 1)
    if (next === at && by > 0 && pages.hasNextPage) void pages.fetchNextPage()
    setAt(Math.max(next, 0))
    return true
  }
  useKeys((key) => {
    if (key === '?') return setHelp(true), true
    if (key === 'q') return go(path`/runs/${run.run}/questions`), true
    if (key === 'j' || key === 'ArrowDown') return move(1)
    if (key === 'k' || key === 'ArrowUp') return move(-1)
    if (key === 'Escape') return show({}), true
    if (key === 'U') return askUndo('run')
    if (!current) return false
    if (key === 'u') return askUndo('cell')
    if (key === 'c') return askUndo('column')
    if (key === 'r') return askUndo('recipe')
    if (key === 'e') return correct()
    if (key === 'f') return show({ column: current.column }), true
    if (key === 'g') return show({ recipe: current.recipe }), true
    return false
  })
  if (run.edits === 0) return <Empty title={t.none} />
  return (
    <div className="grid gap-x-6 gap-y-4 xl:grid-cols-[18rem_minmax(0,1fr)]">
      <Recipes recipes={recipes} column={column} recipe={recipe} onShow={show} />
      <div className="@container min-w-0">
        <div className="sticky top-0 z-10 -mx-1 mb-2 flex flex-wrap gap-2 bg-paper px-1 py-2">
          {(Object.keys(t.undo) as Reach[]).map((reach) => (
            <button key={reach} className="button" disabled={partOf(reach) === null} onClick={() => askUndo(reach)}>{t.undo[reach]}</button>
          ))}
          {run.kind === 'heal' && <button className="button" disabled={!canCorrect} onClick={correct}>{t.correct}</button>}
          <button className="button ml-auto" onClick={() => setHelp(true)}>{t.keysButton} <kbd className="key" aria-hidden>?</kbd></button>
        </div>
        {run.purged > 0 && <p className="mb-2 text-soft">{t.purged(run.purged)}</p>}
        <Answered query={pages}>
          {() => changes.length === 0 ? <Empty title={t.noneHere} /> : (
            <>
              <Rows changes={changes} at={at} onAt={setAt} taken={taken} isUndo={run.kind === 'undo'} />
              <More pages={pages} />
            </>
          )}
        </Answered>
      </div>
      {question && <Ask question={question} onClose={() => setQuestion(null)} />}
      {correcting && <Correct run={run.run} change={correcting} onClose={() => setCorrecting(null)} />}
      {isHelp && <Keys keys={t.keys} onClose={() => setHelp(false)} />}
    </div>
  )
}

interface RowsProps {
  changes: Change[]
  at: number
  onAt: (at: number) => void
  taken: Part[]
  isUndo: boolean
}

function Rows({ changes, at, onAt, taken, isUndo }: RowsProps) {
  const box = useRef<HTMLDivElement>(null)
  const moved = useRef(false)
  useEffect(() => {
    if (moved.current) box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)?.focus()
    moved.current = true
  }, [at])
  return (
    <div ref={box} role="grid" aria-label={t.tabs.changes} aria-rowcount={changes.length} className="sheet divide-y divide-line">
      {changes.map((change, i) => (
        <ChangeRow key={`${change.row} ${change.column} ${change.edit}`} change={change} at={i} isChosen={i === at}
          isTaken={taken.some((part) => takes(part, change))} isUndo={isUndo} onChoose={onAt} />
      ))}
    </div>
  )
}
