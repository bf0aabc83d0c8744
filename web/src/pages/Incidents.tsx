import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { path, send } from '../api/client'
import { usePages, type Incident } from '../api/lists'
import { useNews } from '../parts/News'
import { Paged } from '../parts/Paged'
import { Coded } from '../parts/States'
import { tablePath } from '../parts/TableList'
import { Title } from '../parts/Title'
import { When } from '../parts/When'
import { texts } from '../texts'

const t = texts.incidents

export function Incidents() {
  const [ended, setEnded] = useState(false)
  const pages = usePages<Incident>(['incidents', 'pages', ended], '/incidents', { limit: 50, ended })
  return (
    <>
      <Title text={t.title}>
        <label className="flex items-center gap-2"><input type="checkbox" checked={ended} onChange={(event) => setEnded(event.target.checked)} />{t.ended}</label>
      </Title>
      <Paged pages={pages} empty={t.none} emptyBody={t.noneBody}>
        {(items) => <ul className="flex flex-col gap-4">{items.map((each) => <li key={`${each.id} ${each.state === 'resolved'}`}><Card incident={each} /></li>)}</ul>}
      </Paged>
    </>
  )
}

export function Card({ incident: at, withTable = true }: { incident: Incident; withTable?: boolean }) {
  const client = useQueryClient()
  const tell = useNews()
  async function say(what: 'acknowledge' | 'resolve') {
    await send('POST', path`/incidents/${at.id}/${what}`).then(
      () => tell({ text: what === 'acknowledge' ? t.acknowledged : t.resolved }),
      (error: Error) => tell({ text: error.message, isTrouble: true }),
    )
    await client.invalidateQueries({ queryKey: ['incidents'] })
  }
  const isOpen = at.state !== 'resolved'
  return (
    <article className="sheet p-4" aria-label={`${at.table}: ${at.issue}`}>
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <h2 className={isOpen ? 'text-alarm' : 'text-soft'}><span aria-hidden>{isOpen ? '▲' : '△'} </span>{texts.overview.incident(at.issue, at.columns)}</h2>
        {withTable && <Link to={tablePath({ kind: 'watched', name: at.table })}>{at.table}</Link>}
        <span className="ml-auto text-sm text-soft">{t.state[at.state]}{at.by && ` ${t.by(at.by)}`} · <When at={at.since} /> · {t.alerts(at.n_alerts)}</span>
      </div>
      <ul className="mt-2 list-disc pl-5">{at.causes.slice(0, 4).map((cause) => <li key={cause} className="wrap-anywhere"><Coded text={cause} /></li>)}</ul>
      {isOpen && (
        <div className="mt-3 flex gap-2">
          {at.state === 'open' && <button className="button" onClick={() => void say('acknowledge')}>{t.acknowledge}</button>}
          <button className="button" onClick={() => void say('resolve')}>{t.resolve}</button>
        </div>
      )}
    </article>
  )
}
