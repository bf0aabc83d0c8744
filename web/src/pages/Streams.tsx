import { Link } from 'react-router'
import { useStreams } from '../api/lists'
import { plain } from '../logic/shown'
import { Sheet } from '../parts/Sheet'
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
          <Sheet label={t.title} heads={Object.values(t.head)} right={[1, 2, 3, 4, 5, 6]}>
            {items.map((each) => (
              <tr key={each.id}>
                <th scope="row"><Link to={`/streams/${each.id}`}>{each.name}</Link></th>
                <td className="text-right">{plain(each.per_second.events ?? 0)}</td>
                <td className="text-right">{plain(each.per_second.healed ?? 0)}</td>
                <td className="text-right">{plain(each.per_second.quarantined ?? 0)}</td>
                <td className="text-right">{each.late_ms == null ? '–' : t.ms(each.late_ms)}</td>
                <td className="text-right text-soft"><When at={each.last_at} /></td>
                <td className="text-right">{n(each.totals.events ?? 0)}</td>
              </tr>
            ))}
          </Sheet>
        )}
      </Answered>
    </>
  )
}
