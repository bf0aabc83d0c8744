import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { path } from '../api/client'
import { useReport, useRun, type Dimensions, type Report } from '../api/lists'
import type { RunDetail } from '../api/schema'
import { About } from '../parts/About'
import { Changes } from '../parts/Changes'
import { Downloads } from '../parts/Downloads'
import { Findings } from '../parts/Findings'
import { Issues, KeptIssues } from '../parts/Issues'
import { LeftAlone } from '../parts/LeftAlone'
import { RecipesTold } from '../parts/RecipesTold'
import { Scores } from '../parts/Scores'
import { Answered } from '../parts/States'
import { tablePath } from '../parts/TableList'
import { Tabs } from '../parts/Tabs'
import { Title } from '../parts/Title'
import { When } from '../parts/When'
import { n, texts } from '../texts'

const t = texts.run
type Tab = keyof typeof t.tabs

export function RunPage() {
  const { run = '' } = useParams()
  return <Answered query={useRun(run)}>{(found) => <Run key={found.run} run={found} />}</Answered>
}

/** A heal is drawn from the data of its report; an answer, an undo and a heal without one from the history. */
function Run({ run }: { run: RunDetail }) {
  const [tab, setTab] = useState<Tab>('changes')
  const report = useReport(run.run, run.downloads.includes('report'))
  const isHeal = run.kind === 'heal'
  const isTold = run.downloads.includes('report') && !report.isError
  const absent: Tab[] = isTold ? [] : isHeal ? ['recipes', 'left'] : ['issues', 'recipes', 'left']
  const tabs = Object.fromEntries(Object.entries(t.tabs).filter(([name]) => !absent.includes(name as Tab))) as Partial<typeof t.tabs>
  return (
    <>
      <Title text={run.table}>
        <span className="text-soft">
          {isHeal && <><Link className="underline" to={tablePath({ kind: 'runs', name: run.table })}>{texts.runs.table}</Link> · </>}{texts.runs.kindName[run.kind] ?? run.kind} · <When at={run.started} />
        </span>
      </Title>
      <Head run={run} report={report.data} />
      {isHeal && !isTold && <p className="mb-4 text-soft">{report.error?.message ?? t.noReport} {t.fromHistory}</p>}
      <div className="mb-3 border-b border-line pb-2"><Tabs label={t.tabsLabel} names={tabs} chosen={tab} onChoose={setTab} /></div>
      {tab === 'changes' && <Changes run={run} />}
      {tab === 'issues' && (isTold ? <Answered query={report}>{(told) => <ReportIssues report={told} />}</Answered> : <KeptIssues of="runs" name={run.run} />)}
      {tab === 'recipes' && <Answered query={report}>{(told) => <RecipesTold report={told} />}</Answered>}
      {tab === 'left' && <Answered query={report}>{(told) => <LeftAlone report={told} />}</Answered>}
      {tab === 'findings' && <Findings run={run.run} />}
      {tab === 'about' && <About run={run} />}
    </>
  )
}

function headline(run: RunDetail, report: Report | undefined): string {
  if (run.kind === 'undo') return t.undoSummary(run.edits)
  if (run.kind !== 'heal') return t.answerSummary(run.edits)
  return report ? t.summary(report.run.applied, report.run.rows) : t.summary(run.edits, run.rows)
}

function Head({ run, report }: { run: RunDetail; report: Report | undefined }) {
  const counts = report?.run ?? (run.summary as Partial<Report['run']>)
  const kept = run.summary as Record<string, Dimensions | undefined>
  const { before, after } = report?.scores ?? { before: kept.scores ?? null, after: kept.scores_after }
  const isInPlace = run.kind !== 'undo' && run.status !== 'undone' && run.edits > 0
  return (
    <div className="mb-6 flex flex-wrap items-start gap-x-10 gap-y-4">
      <div>
        <p className="text-[1.05rem]"><span className={isInPlace ? 'mended' : ''}>{headline(run, report)}</span>{run.status === 'undone' && <span className="text-soft">, {t.takenBack}</span>}</p>
        <p className="mt-2 text-soft">
          {(['findings', 'suggested', 'flagged'] as const).filter((name) => counts[name] !== undefined).map((name) => `${n(counts[name]!)} ${t[name]}`).join(' · ')}
        </p>
        {run.kind === 'heal' && (
          <div className="mt-3 flex flex-wrap gap-2">
            <Link to={path`/runs/${run.run}/questions`} className="button no-underline hover:no-underline">{t.openQuestions}</Link>
            <Downloads run={run} />
          </div>
        )}
      </div>
      {before && <Scores before={before} after={after} />}
    </div>
  )
}

function ReportIssues({ report: { issues, minor, issues_in_all: all } }: { report: Report }) {
  const shown = [...issues, ...minor]
  return (
    <>
      {shown.length < all && <p className="mb-2 text-sm text-soft">{t.ofAll(shown.length, all)}</p>}
      <Issues issues={shown} />
    </>
  )
}
