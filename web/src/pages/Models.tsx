import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { path, send } from '../api/client'
import { usePages, type Model } from '../api/lists'
import { plain } from '../logic/shown'
import { Ask, type Question } from '../parts/Ask'
import { useNews } from '../parts/News'
import { Paged } from '../parts/Paged'
import { Sheet } from '../parts/Sheet'
import { Title } from '../parts/Title'
import { When } from '../parts/When'
import { texts } from '../texts'

const t = texts.models

const figures = (metrics: Record<string, unknown>) =>
  Object.entries(metrics).flatMap(([name, value]) => (typeof value === 'number' ? [`${t.metrics[name] ?? name.replaceAll('_', ' ')} ${plain(value)}`] : [])).slice(0, 4).join(' · ')

export function Models() {
  const client = useQueryClient()
  const tell = useNews()
  const [question, setQuestion] = useState<Question | null>(null)
  const pages = usePages<Model>(['models'], '/models', { limit: 50 })
  async function post(url: string, body?: unknown) {
    await send('POST', url, body).then(() => tell({ text: t.done }), (error: Error) => tell({ text: error.message, isTrouble: true }))
    await client.invalidateQueries({ queryKey: ['models'] })
  }
  const promote = ({ name, version }: Model) => setQuestion({ title: t.promoteTitle(name, version), body: t.promoteBody, go: t.promote, run: () => void post(path`/models/${name}/promote`, { version }) })
  const rollback = ({ name }: Model) => setQuestion({ title: t.rollbackTitle(name), body: t.rollbackBody, go: t.rollback, run: () => void post(path`/models/${name}/rollback`) })
  return (
    <>
      <Title text={t.title} />
      <Paged pages={pages} empty={t.none} emptyBody={t.noneBody}>
        {(items) => (
          <Sheet label={t.title} heads={[...Object.values(t.head), '']} isWide>
            {items.map((each) => (
              <tr key={`${each.name} ${each.version}`}>
                <th scope="row">{each.name}</th>
                <td>{each.version}</td>
                <td className={`whitespace-nowrap ${each.stage === 'live' ? 'font-semibold text-good' : 'text-soft'}`}>{each.stage === 'live' && <span aria-hidden>● </span>}{each.stage}</td>
                <td className="text-soft"><When at={each.created_at} /> {texts.incidents.by(each.created_by)}</td>
                <td className="text-soft">{figures(each.metrics)}</td>
                <td className="text-right">
                  {each.stage === 'live' ? <button className="button" onClick={() => rollback(each)}>{t.rollback}</button> : <button className="button" onClick={() => promote(each)}>{t.promote}</button>}
                </td>
              </tr>
            ))}
          </Sheet>
        )}
      </Paged>
      {question && <Ask question={question} onClose={() => setQuestion(null)} />}
    </>
  )
}
