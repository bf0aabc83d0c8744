import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { path } from '../api/client'
import { useRun } from '../api/lists'
import type { RunDetail } from '../api/schema'
import { About } from '../parts/About'
import { Changes } from '../parts/Changes'
import { Downloads } from '../parts/Downloads'
import { Findings } from '../parts/Findings'
import { LeftAlone } from '../parts/LeftAlone'
import { Scores } from '../parts/Scores'
import { Answered } from '../parts/States'
import { tablePath } from '../parts/TableList'
import { Tabs } from '../parts/Tabs'
import { Title } from '../parts/Title'
import { When } from '../parts/When'
import { n, texts } from '../texts'

const t = texts.run

export function RunPage() {
  const { run = '' } = useParams()
  return <Answered query={useRun(run)}>{(found) => <Run key={found.run} run={found} />}</Answered>
}

function headline(run: RunDetail): string {
  if (run.kind === 'undo') return t.undoSummary(run.edits)
  return run.kind === 'heal' ? t.summary(run.edits, run.rows) : t.answerSummary(run.edits)
}

function Run({ run }: { run: RunDetail }) {
  const [tab, setTab] = useState<keyof typeof t.tabs>('changes')
  const { left: _, ...always } = t.tabs
  const tabs: Partial<typeof t.tabs> = run.kind === 'heal' ? t.tabs : always
  const counts = run.summary as Record<string, number | undefined>
  const scores = run.summary as Record<string, Record<string, number | null> | undefined>
  return (
    <>
      <Title text={run.table}>
        <span className="text-soft">
          {run.kind === 'heal' && <><Link className="underline" to={tablePath({ kind: 'runs', name: run.table })}>{texts.runs.table}</Link> · </>}{texts.runs.kindName[run.kind] ?? run.kind} · <When at={run.started} />
        </span>
      </Title>
      <div className="mb-6 flex flex-wrap items-start gap-x-10 gap-y-4">
        <div>
          <p className="text-[1.05rem]"><span className={run.kind === 'undo' ? '' : 'mended'}>{headline(run)}</span></p>
          <p className="mt-2 text-soft">
            {(['findings', 'suggested', 'flagged'] as const).filter((name) => counts[name] !== undefined).map((name) => `${n(counts[name]!)} ${t[name]}`).join(' · ')}
          </p>
          {run.kind === 'heal' && (
            <div className="mt-3 flex flex-wrap gap-2">
              <Link to={path`/runs/${run.run}/questions`} className="button no-underline hover:no-underline">{t.openQuestions}</Link>
              <Downloads run={run.run} table={run.table} />
            </div>
          )}
        </div>
        {scores.scores && <Scores before={scores.scores} after={scores.scores_after} />}
      </div>
      <div className="mb-3 border-b border-line pb-2"><Tabs label={t.tabsLabel} names={tabs} chosen={tab} onChoose={setTab} /></div>
      {tab === 'changes' && <Changes run={run} />}
      {tab === 'findings' && <Findings run={run.run} />}
      {tab === 'left' && <LeftAlone run={run.run} />}
      {tab === 'about' && <About run={run} />}
    </>
  )
}
