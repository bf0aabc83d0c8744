import { Link } from 'react-router'
import { path } from '../api/client'
import type { RunDetail } from '../api/schema'
import { exactly, percent } from '../logic/shown'
import { texts } from '../texts'

const t = texts.run.about

/** The particulars of a run. */
export function About({ run }: { run: RunDetail }) {
  const seconds = run.summary.seconds as number | undefined
  const lines: [string, React.ReactNode][] = [
    [t.run, run.run],
    [texts.runs.head.when, exactly(run.started)],
    ...(run.undoes ? [[t.undoes, <Link key="undoes" to={path`/runs/${run.undoes}`}>{run.undoes}</Link>] as [string, React.ReactNode]] : []),
    ...(seconds === undefined ? [] : [[t.took, texts.run.seconds(seconds)] as [string, string]]),
    ...(run.recovery_rate == null ? [] : [[t.recovery, percent(run.recovery_rate)] as [string, string]]),
    ...(run.acceptance_rate == null ? [] : [[t.acceptance, percent(run.acceptance_rate)] as [string, string]]),
    [t.input, run.input_sha256],
    [t.output, run.output_sha256],
    [t.seed, run.seed],
    [t.versions, Object.entries(run.versions).map((pair) => pair.join(' ')).join(', ')],
  ]
  return (
    <dl className="grid gap-x-8 gap-y-1 sm:grid-cols-[auto_1fr]">
      {lines.map(([name, value]) => (
        <div key={name} className="contents"><dt className="text-soft">{name}</dt><dd className="mb-2 font-mono text-[0.9em] wrap-anywhere sm:mb-0">{value}</dd></div>
      ))}
    </dl>
  )
}
