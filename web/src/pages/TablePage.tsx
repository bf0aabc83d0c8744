import { useParams } from 'react-router'
import { Runs } from '../parts/TableRuns'
import { Title } from '../parts/Title'
import { Watched } from '../parts/Watched'
import { texts } from '../texts'

/** A table: its scores over time, or its batches where it is watched. */
export function TablePage() {
  const { kind = '', table = '' } = useParams()
  return (
    <>
      <Title text={table}>{kind === 'watched' && <span className="text-soft">{texts.overview.watched}</span>}</Title>
      {kind === 'watched' ? <Watched key={table} table={table} /> : <Runs key={table} table={table} />}
    </>
  )
}
