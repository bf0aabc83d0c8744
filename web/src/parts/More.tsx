import { texts } from '../texts'

/** Shows the next page of a list, where there is one. */
export function More({ pages }: { pages: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  return pages.hasNextPage ? (
    <button className="button mt-4" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
      {pages.isFetchingNextPage ? `${texts.loading} …` : texts.more}
    </button>
  ) : null
}
