import { useEvents, type Event } from '../api/events'
import { percent } from '../logic/shown'
import { texts } from '../texts'
import { Part } from './Part'
import { When } from './When'

const t = texts.feed
const SHOWN = 6

/** What happens now. */
export function Feed() {
  const events = useEvents()
  return (
    <Part id="feed" title={t.title}>
      {events.length === 0 ? <p className="text-soft">{t.quiet}</p> : (
        <ol className="sheet divide-y divide-line">
          {events.slice(0, SHOWN).map((event) => (
            <li key={event.id} className="flex items-baseline gap-3 px-4 py-2">
              <span className={`mr-auto min-w-0 wrap-anywhere ${isTrouble(event) ? 'text-alarm' : ''}`}>{said(event)}</span>
              <span className="shrink-0 text-sm text-soft"><When at={event.at} /></span>
            </li>
          ))}
        </ol>
      )}
    </Part>
  )
}

const isTrouble = ({ kind, body }: Event) =>
  kind === 'alert' ? body.over !== true : kind === 'incident' ? body.state === 'open' : body.state === 'failed'

function said({ kind, body }: Event): string {
  const word = (name: string) => (typeof body[name] === 'string' ? (body[name] as string).replaceAll('_', ' ') : '')
  if (kind === 'job') return t.job(word('kind'), word('state'), body.state === 'running' ? percent(Number(body.progress ?? 0)) : '')
  if (kind === 'undo') return t.undo(Number(body.edits ?? 0))
  if (kind === 'answer') return t.answer(Number(body.applied ?? 0))
  if (kind === 'verdict') return t.verdict(word('table'), word('batch'), word('state'))
  if (kind === 'alert') return t.alert(word('stream') || word('table'), word('kind'), word('column'), body.over === true)
  if (kind === 'incident') return t.incident(word('table'), word('issue'), (body.columns as string[] | undefined) ?? [], word('state'))
  return word('message') || kind.replaceAll('_', ' ')
}
