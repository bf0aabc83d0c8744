import { useMemo } from 'react'
import { useParams } from 'react-router'
import { useStream, type StreamAlert, type StreamColumn, type StreamExample, type StreamPart, type StreamWindow } from '../api/lists'
import type { StreamDetail } from '../api/schema'
import { ago, percent, plain } from '../logic/shown'
import { ended, withQuiet } from '../logic/windows'
import { Chart } from '../parts/Chart'
import { Figures, Part } from '../parts/Part'
import { Sheet } from '../parts/Sheet'
import { Answered, Coded, Empty } from '../parts/States'
import { Title } from '../parts/Title'
import { Value } from '../parts/Value'
import { When } from '../parts/When'
import { n, texts } from '../texts'

const t = texts.streams
const MINUTES = 60
const SOURCES = 3 // a folder may have brought thousands of files
const STALE_MS = 60_000 // workers tell the lag every five seconds

/** A topic or file without the id that tells it from others of its name. */
const nameOf = (source: string) => source.replace(/ \S+$/, '')

/** A stream while it flows: rates, lag, what was changed last, what alarmed. */
export function StreamPage() {
  const { stream = '' } = useParams()
  const found = useStream(stream)
  return (
    <>
      <Title text={found.data?.name ?? t.title}>
        {found.data && <p className="text-sm text-soft wrap-anywhere">{t.sources(found.data.sources.slice(0, SOURCES).map(nameOf), Math.max(found.data.sources.length - SOURCES, 0))}{found.data.treatment && ` ${t.by(found.data.treatment)}`}</p>}
      </Title>
      <Answered query={found}>
        {(told) => (
          <div className="flex flex-col gap-7">
            <Figures figures={figuresOf(told)} />
            <Rates windows={told.windows as unknown as StreamWindow[]} />
            <Part id="alerts" title={t.alerts}><Alerts alerts={told.alerts as unknown as StreamAlert[]} /></Part>
            {told.parts.length > 0 && <Part id="parts" title={t.parts}><Partitions parts={told.parts as unknown as StreamPart[]} /></Part>}
            <Part id="examples" title={t.examples}><Examples examples={told.examples as unknown as StreamExample[]} /></Part>
            <Part id="columns" title={t.columns}><Columns columns={told.columns as unknown as StreamColumn[]} /></Part>
          </div>
        )}
      </Answered>
    </>
  )
}

/** Events that wait; with the moment where nobody has told for a while. */
function waiting({ lag, lag_at }: StreamDetail): string {
  if (lag == null || lag_at == null) return '–'
  const isStale = Date.now() - Date.parse(lag_at) > STALE_MS
  return [t.waiting(lag), ...(isStale ? [t.asOf(ago(lag_at))] : [])].join(' ')
}

function figuresOf(stream: StreamDetail): [string, string][] {
  const { per_second: rate, totals, late_ms } = stream
  return [
    [t.figures.events, plain(rate.events ?? 0)],
    [t.figures.healed, plain(rate.healed ?? 0)],
    [t.figures.quarantined, plain(rate.quarantined ?? 0)],
    [t.figures.lag, waiting(stream)],
    [t.figures.late, late_ms == null ? '–' : t.ms(late_ms)],
    [t.figures.total, n(totals.events ?? 0)],
    [t.figures.mended, n(totals.healed ?? 0)],
    [t.figures.aside, n(totals.quarantined ?? 0)],
  ]
}

function Rates({ windows: told }: { windows: StreamWindow[] }) {
  const lines = useMemo(() => {
    const windows = withQuiet(told)
    const full = ended(windows, Date.now())
    const rate = (name: 'events' | 'healed' | 'quarantined') =>
      ({ name: t.lines[name], points: full.map((each): [string, number] => [each.at, each[name] / each.seconds]), isStrong: name === 'events' })
    return {
      rates: [rate('events'), rate('healed'), rate('quarantined')],
      lag: [{ name: t.lines.lag, points: windows.map((each): [string, number | null] => [each.at, each.lag]), isStrong: true }],
      late: [{ name: t.lines.late, points: windows.map((each): [string, number | null] => [each.at, each.late_ms]), isStrong: true }],
    }
  }, [told])
  if (told.length === 0) return <Empty title={t.quiet} />
  return (
    <div className="grid gap-7 xl:grid-cols-2">
      <Part id="rates" title={t.rates}><div className="sheet p-3"><Chart alt={t.ratesAlt(MINUTES)} series={lines.rates} /></div></Part>
      {told.some((each) => each.lag !== null) && <Part id="lag" title={t.lag}><div className="sheet p-3"><Chart alt={t.lagAlt(MINUTES)} series={lines.lag} /></div></Part>}
      <Part id="late" title={t.late}><div className="sheet p-3"><Chart alt={t.lateAlt(MINUTES)} series={lines.late} /></div></Part>
    </div>
  )
}

function Alerts({ alerts }: { alerts: StreamAlert[] }) {
  const seen = alerts.filter((each) => each.stage === 'detect')
  if (seen.length === 0) return <p className="text-soft">{t.noAlerts}</p>
  return (
    <ul className="sheet divide-y divide-line">
      {seen.slice(0, 20).map((each) => (
        <li key={each.id} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-2">
          <span className={each.over ? 'text-soft' : 'font-medium text-alarm'}>
            <span aria-hidden>{each.over ? '△' : '▲'} </span>
            {texts.overview.incident(each.kind.replaceAll('_', ' '), each.column ? [each.column] : [])} {each.over ? t.ends : t.begins}
          </span>
          <span className="min-w-0 flex-1 basis-64 wrap-anywhere"><Coded text={each.message} /></span>
          <span className="text-sm text-soft"><When at={each.at} /></span>
        </li>
      ))}
    </ul>
  )
}

function Examples({ examples }: { examples: StreamExample[] }) {
  if (examples.length === 0) return <p className="text-soft">{t.noExamples}</p>
  return (
    <Sheet label={t.examples} heads={Object.values(t.exampleHead)} right={[3]}>
      {examples.map((each, i) => (
        <tr key={`${each.id} ${each.column} ${i}`}>
          <td className="text-soft"><span className="cell">{each.id}</span></td>
          <td>{each.column}</td>
          <td><Value text={each.old} struck /> <span aria-hidden>→</span><span className="sr-only">{texts.run.to}</span> <Value text={each.new} mended /></td>
          <td className="text-right">{each.confidence === null ? '–' : percent(each.confidence)}</td>
        </tr>
      ))}
    </Sheet>
  )
}

function Partitions({ parts }: { parts: StreamPart[] }) {
  return (
    <Sheet label={t.parts} heads={Object.values(t.partHead)} right={[1, 2, 3, 4]}>
      {parts.map((each) => (
        <tr key={`${each.source} ${each.part}`}>
          <th scope="row">{nameOf(each.source)}</th>
          <td className="text-right">{each.part}</td>
          <td className="text-right">{n(each.place)}</td>
          <td className="text-right">{n(each.end)}</td>
          <td className="text-right">{n(each.lag)}</td>
        </tr>
      ))}
    </Sheet>
  )
}

function Columns({ columns }: { columns: StreamColumn[] }) {
  return (
    <Sheet label={t.columns} heads={Object.values(t.columnHead)} right={[1, 2, 3]}>
      {columns.map((each) => (
        <tr key={each.column}>
          <th scope="row">{each.column}</th>
          <td className="text-right">{n(each.cells)}</td>
          <td className="text-right">{each.cells ? percent(each.missing / each.cells) : '–'}</td>
          <td className="text-right">{n(each.changed)}</td>
        </tr>
      ))}
    </Sheet>
  )
}
