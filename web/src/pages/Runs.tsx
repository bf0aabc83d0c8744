import { useState } from 'react'
import { usePages } from '../api/lists'
import type { RunItem } from '../api/schema'
import { Paged } from '../parts/Paged'
import { RunsTable } from '../parts/RunsTable'
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
      <Paged pages={pages} empty={t.none}>{(runs) => <RunsTable runs={runs} />}</Paged>
    </>
  )
}
