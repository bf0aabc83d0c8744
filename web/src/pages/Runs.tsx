import { useState } from 'react'
import { usePages } from '../api/lists'
import type { RunItem } from '../api/schema'
import { More } from '../parts/More'
import { RunsTable } from '../parts/RunsTable'
import { Answered, Empty } from '../parts/States'
import { Tabs } from '../parts/Tabs'
import { Title } from '../parts/Title'
import { texts } from '../texts'

const t = texts.runs

export function Runs() {
  const [kind, setKind] = useState<keyof typeof t.kinds>('all')
  const pages = usePages<RunItem>(['runs', 'pages', kind], '/runs', { limit: 50, kind: kind === 'all' ? null : kind })
  return (
    <>
      <Title text={t.title}><Tabs label={t.kind} names={t.kinds} chosen={kind} onChoose={setKind} /></Title>
      <Answered query={pages}>
        {(data) => data.pages[0]!.items.length === 0 ? <Empty title={t.none} /> : (
          <><RunsTable runs={data.pages.flatMap((page) => page.items)} /><More pages={pages} /></>
        )}
      </Answered>
    </>
  )
}
