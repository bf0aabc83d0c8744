import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Page } from '../api/lists'
import { More } from './More'
import { Answered, Coded, Empty } from './States'

interface Props<T> {
  pages: UseInfiniteQueryResult<InfiniteData<Page<T>>>
  /** What stands there where the list is empty; in a box of its own where the list is all that a page shows. */
  empty: string
  emptyBody?: string
  isQuiet?: boolean
  children: (items: T[]) => ReactNode
}

/** A list that comes in pages, and a button for the next one. */
export function Paged<T>({ pages, empty, emptyBody, isQuiet = false, children }: Props<T>) {
  return (
    <Answered query={pages}>
      {(data) => data.pages[0]!.items.length === 0 ? (
        isQuiet ? <p className="text-soft"><Coded text={empty} /></p> : <Empty title={empty}>{emptyBody && <p><Coded text={emptyBody} /></p>}</Empty>
      ) : (
        <>
          {children(data.pages.flatMap((page) => page.items))}
          <More pages={pages} />
        </>
      )}
    </Answered>
  )
}
