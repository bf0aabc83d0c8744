import { useMemo, useState } from 'react'
import { Link } from 'react-router'
import { useTables } from '../api/lists'
import type { TableItem } from '../api/schema'
import { needsLook, oneOfEach, sorted } from '../logic/health'
import { Feed } from '../parts/Feed'
import { MendedLately } from '../parts/MendedLately'
import { Part } from '../parts/Part'
import { Answered, Coded, Empty } from '../parts/States'
import { TableList } from '../parts/TableList'
import { Title } from '../parts/Title'
import { WaitingForYou } from '../parts/WaitingForYou'
import { texts } from '../texts'

const t = texts.overview

export function Overview() {
  const pages = useTables()
  const tables = useMemo(() => sorted(oneOfEach(pages.data?.pages.flatMap((page) => page.items) ?? [])), [pages.data])
  const trouble = useMemo(() => tables.filter(needsLook).length, [tables])
  return (
    <>
      <Title text={t.title}><Link to="/mend" className="button no-underline hover:no-underline">{texts.mend.title}</Link></Title>
      <Answered query={pages}>
        {() => (
          <>
            <p role="status" className="-mt-2 mb-6 text-[1.05rem] text-soft">{pages.hasNextPage ? `${t.loadingMore(tables.length)} …` : t.sentence(tables.length, trouble)}</p>
            <div className="grid gap-x-8 gap-y-7 xl:grid-cols-[minmax(0,1fr)_24rem]">
              <div className="flex min-w-0 flex-col gap-7 xl:col-start-2 xl:row-start-1">
                <WaitingForYou tables={tables} />
                <MendedLately />
                <Feed />
              </div>
              <Tables tables={tables} />
            </div>
          </>
        )}
      </Answered>
    </>
  )
}

function Tables({ tables }: { tables: TableItem[] }) {
  const [wanted, setWanted] = useState('')
  const [only, setOnly] = useState(false)
  const shown = useMemo(
    () => tables.filter((table) => (!only || needsLook(table)) && table.name.toLowerCase().includes(wanted.toLowerCase())),
    [tables, only, wanted],
  )
  const search = (
    <>
      <label className="flex items-center gap-2 text-sm"><input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} />{t.only}</label>
      <input type="search" className="field w-48" placeholder={t.find} aria-label={t.find} value={wanted} onChange={(event) => setWanted(event.target.value)} />
    </>
  )
  return (
    <Part id="tables" title={t.tables} aside={search} className="min-w-0 xl:col-start-1 xl:row-start-1">
      {tables.length === 0 ? (
        <Empty title={t.nothing}>{t.start.map((command) => <p key={command} className="mt-1"><Coded text={`\`${command}\``} /></p>)}</Empty>
      ) : shown.length === 0 ? <Empty title={t.none} /> : <TableList tables={shown} />}
    </Part>
  )
}
