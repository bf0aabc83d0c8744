import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { path, send } from '../api/client'
import { questionsOf, useRun } from '../api/lists'
import type { Option, QuestionItem, Said } from '../api/schema'
import { effectOf, keysOf } from '../logic/answers'
import { Keys } from '../parts/Ask'
import { Effects } from '../parts/Effects'
import { useKeys } from '../parts/keys'
import { useNews } from '../parts/News'
import { Answered, Empty } from '../parts/States'
import { Title } from '../parts/Title'
import { useRefresh, useUndo } from '../parts/useUndo'
import { n, texts } from '../texts'

const t = texts.questions
const SHOWN = 50

export function Questions() {
  const { run = '' } = useParams()
  const about = useRun(run)
  const asked = useQuery(questionsOf(run, SHOWN))
  return (
    <>
      <Title text={about.data ? t.of(about.data.table) : t.title}><Link to={path`/runs/${run}`}>{t.back}</Link></Title>
      <Answered query={asked}>{({ items }) => <Inbox run={run} questions={items} />}</Answered>
    </>
  )
}

function Inbox({ run, questions }: { run: string; questions: QuestionItem[] }) {
  const [at, setAt] = useState(0)
  const [chosen, setChosen] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [isHelp, setHelp] = useState(false)
  const [said, setSaid] = useState<string[]>([]) // the answers given here, to be undone last first
  const tell = useNews()
  const refresh = useRefresh()
  const undo = useUndo()
  const place = Math.min(at, Math.max(questions.length - 1, 0))
  const question = questions[place]
  const option = question?.options.find((each) => each.option === chosen)

  function show(next: number) {
    setAt(Math.min(Math.max(next, 0), questions.length - 1))
    setChosen(null)
    return true
  }
  async function takeBack() {
    const last = said.at(-1)
    if (!last || isBusy) return
    setSaid(said.slice(0, -1))
    await undo(last, {}, () => t.undone)
  }
  async function confirm() {
    if (!question || !option || isBusy) return
    setBusy(true)
    await send<Said>('POST', path`/runs/${run}/questions/${question.question}`, { option: option.option }).then(
      (done) => {
        setSaid((before) => [...before, done.change])
        tell({ text: t.said(done.applied) })
      },
      (error: Error) => tell({ text: error.message, isTrouble: true }),
    )
    setChosen(null)
    await refresh()
    setBusy(false)
  }
  useKeys((key) => {
    if (key === '?') return setHelp(true), true
    if (key === 'u') return void takeBack(), true
    if (key === 'j' || key === 'ArrowDown') return show(place + 1)
    if (key === 'k' || key === 'ArrowUp') return show(place - 1)
    if (key === 'Escape') return setChosen(null), true
    if (key === 'Enter' && option) return void confirm(), true
    const picked = question && keysOf(question).get(key)
    if (picked) setChosen(picked.option)
    return picked !== undefined
  })
  return (
    <div className="grid gap-6 xl:grid-cols-[minmax(0,1fr)_22rem]">
      <div className="min-w-0">
        {question ? (
          <Card question={question} progress={t.progress(place + 1, questions.length)} option={option} isBusy={isBusy} onChoose={setChosen} onConfirm={() => void confirm()} />
        ) : <Empty title={t.none}>{t.noneBody}</Empty>}
        <div className="mt-4 flex gap-2">
          <button className="button" disabled={said.length === 0 || isBusy} onClick={() => void takeBack()}>{t.undo} <kbd className="key" aria-hidden>u</kbd></button>
          <button className="button" onClick={() => setHelp(true)}>{texts.run.keysButton} <kbd className="key" aria-hidden>?</kbd></button>
        </div>
      </div>
      {questions.length > 1 && <List questions={questions} at={place} onShow={show} />}
      {isHelp && <Keys keys={t.keys} onClose={() => setHelp(false)} />}
    </div>
  )
}

interface CardProps {
  question: QuestionItem
  progress: string
  option: Option | undefined
  isBusy: boolean
  onChoose: (option: string) => void
  onConfirm: () => void
}

function Card({ question, progress, option, isBusy, onChoose, onConfirm }: CardProps) {
  return (
    <section aria-live="polite" className="sheet p-5">
      <p className="text-sm text-soft">{progress}</p>
      <p className="mt-1 text-[1.15rem] leading-snug wrap-anywhere">{question.text}</p>
      <div role="group" aria-label={t.options} className="mt-4 flex flex-col gap-2">
        {[...keysOf(question)].map(([key, each]) => (
          <button key={key} aria-pressed={each === option} onClick={() => onChoose(each.option)}
            className={`button flex items-baseline gap-3 text-left ${each === option ? 'border-ink bg-sunk font-medium' : ''}`}>
            <kbd className="key">{key}</kbd><span className="wrap-anywhere">{each.text}</span>
          </button>
        ))}
      </div>
      <div className="mt-4 min-h-40 border-t border-line pt-4">
        {option ? (
          <>
            <h2>{t.effect}</h2>
            <Effects effects={effectOf(question, option)} cells={question.cells} isReject={option.option === 'reject'} isApplied={question.applied} />
            <button className="button button-strong mt-4" disabled={isBusy} onClick={onConfirm}>{t.confirm} <kbd className="key" aria-hidden>Enter</kbd></button>
          </>
        ) : <p className="text-soft">{t.choose}</p>}
      </div>
    </section>
  )
}

function List({ questions, at, onShow }: { questions: QuestionItem[]; at: number; onShow: (at: number) => void }) {
  return (
    <nav aria-label={t.list}>
      <h2 className="mb-2">{t.list}</h2>
      <ol className="sheet max-h-[70dvh] divide-y divide-line overflow-y-auto">
        {questions.map((each, i) => (
          <li key={each.question}>
            <button aria-current={i === at ? 'step' : undefined} onClick={() => onShow(i)}
              className={`grid w-full grid-cols-[1fr_auto] gap-3 px-3 py-2 text-left text-sm ${i === at ? 'bg-sunk font-medium' : 'hover:bg-sunk'}`}>
              <span className="line-clamp-2 wrap-anywhere">{each.text}</span>
              <span className="text-soft tabular-nums">{n(each.cells)}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
