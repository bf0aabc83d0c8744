import { Link } from 'react-router'
import { useStreams } from '../api/lists'
import { plain } from '../logic/shown'
import { Answered, Coded, Empty } from '../parts/States'
import { Title } from '../parts/Title'
import { When } from '../parts/When'
import { n, texts } from '../texts'

const t = texts.streams

export function Streams() {
  const streams = useStreams()
  return (
    <>
      <Title text={t.title} />
      <Answered query={streams}>
        {({ items }) => items.length === 0 ? <Empty title={t.none}><p><Coded text={t.noneBody} /></p></Empty> : (
          <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.title}>
            <table className="w-full">
              <thead className="border-b border-line text-sm">
                <tr>{Object.entries(t.head).map(([key, name]) => <th scope="col" key={key} className={`px-4 py-2 ${key === 'name' ? '' : 'text-right'}`}>{name}</th>)}</tr>
              </thead>
              <tbody className="divide-y divide-line">
                {items.map((each) => (
                  <tr key={each.id} className="align-baseline">
                    <th scope="row" className="px-4 py-2 font-medium"><Link to={`/streams/${each.id}`}>{each.name}</Link></th>
                    <td className="px-4 py-2 text-right">{plain(each.per_second.events ?? 0)}</td>
                    <td className="px-4 py-2 text-right">{plain(each.per_second.healed ?? 0)}</td>
                    <td className="px-4 py-2 text-right">{plain(each.per_second.quarantined ?? 0)}</td>
                    <td className="px-4 py-2 text-right">{each.late_ms == null ? '–' : t.ms(each.late_ms)}</td>
                    <td className="px-4 py-2 text-right text-soft"><When at={each.last_at} /></td>
                    <td className="px-4 py-2 text-right">{n(each.totals.events ?? 0)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answered>
    </>
  )
}
