import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { path, send } from '../api/client'
import { useBatch } from '../api/lists'
import type { Decided } from '../api/schema'
import { texts } from '../texts'
import { Ask, type Question } from './Ask'
import { useNews } from './News'
import { Part } from './Part'
import { Answered, Coded } from './States'

const t = texts.table

/** Batches that alarmed and that nobody has decided on. */
export function WaitingBatches({ table, batches }: { table: string; batches: string[] }) {
  const client = useQueryClient()
  const tell = useNews()
  const [question, setQuestion] = useState<Question | null>(null)
  async function decide(batch: string, isRight: boolean) {
    await send<Decided>('POST', path`/monitors/${table}/batches/${batch}`, { is_right: isRight }).then(
      (done) => tell({ text: t.decided(done.batch, done.state) }),
      (error: Error) => tell({ text: error.message, isTrouble: true }),
    )
    await Promise.all(['monitors', 'course', 'incidents', 'tables'].map((key) => client.invalidateQueries({ queryKey: [key] })))
  }
  const ask = (batch: string, isRight: boolean) =>
    setQuestion({
      title: isRight ? t.acceptTitle(batch) : t.rejectTitle(batch),
      body: isRight ? t.acceptBody : t.rejectBody,
      go: isRight ? t.accept : t.reject,
      run: () => void decide(batch, isRight),
    })
  return (
    <Part id="batches" title={t.waiting}>
      {batches.length === 0 ? <p className="text-soft">{t.noWaiting}</p> : (
        <ul className="sheet divide-y divide-line">
          {[...batches].reverse().map((batch) => <li key={batch} className="px-4 py-3"><Waiting table={table} batch={batch} onDecide={ask} /></li>)}
        </ul>
      )}
      {question && <Ask question={question} onClose={() => setQuestion(null)} />}
    </Part>
  )
}

function Waiting({ table, batch, onDecide }: { table: string; batch: string; onDecide: (batch: string, isRight: boolean) => void }) {
  const query = useBatch(table, batch)
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0 grow basis-72">
        <p className="font-medium wrap-anywhere">{batch}</p>
        <Answered query={query}>
          {({ issue, judgement }) => (
            <>
              <p className="text-alarm"><span aria-hidden>▲ </span>{issue}</p>
              <ul className="list-disc pl-5 text-sm">{(judgement?.causes ?? []).slice(0, 3).map((cause) => <li key={cause.message} className="wrap-anywhere"><Coded text={cause.message} /></li>)}</ul>
            </>
          )}
        </Answered>
      </div>
      <div className="flex gap-2">
        <button className="button" onClick={() => onDecide(batch, true)}>{t.accept}</button>
        <button className="button" onClick={() => onDecide(batch, false)}>{t.reject}</button>
      </div>
    </div>
  )
}
