import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { get, path, type Query } from './client'
import type { Course, ListedObjectiveItem, ListedQuestionItem, ListedRunItem, ListedStreamItem, MonitorStatus, RunDetail, StreamDetail, TableItem } from './schema'

/** What the pages ask for. Lists of the API that name no type of their items have one here. */

export interface Change {
  row: number
  column: string | null
  edit: 'set' | 'drop' | 'add'
  old: string | null
  new: string | null
  old_null: boolean
  new_null: boolean
  confidence: number | null
  healer: string
  recipe: string | null
  why: string | null
}
export interface Finding {
  row: number | null
  column: string | null
  kind: string
  score: number | null
  confidence: number | null
  detector: string
  why: string | null
}
export interface Recipe {
  recipe: string | null
  healer: string
  column: string | null
  edits: number
  text: string | null
}
export interface Incident {
  id: string
  table: string
  issue: string
  columns: string[]
  opened_at: string
  since: string
  state: 'open' | 'acknowledged' | 'resolved'
  level: string
  n_alerts: number
  causes: string[]
  batches: string[]
  by: string
}
export interface Batch {
  name: string
  rows: number
  state: string
  issue: string
  facts: Record<string, number>
  judgement: { message: string; causes: { message: string }[]; why: string[]; confidence: number | null } | null
}
export interface Model {
  name: string
  version: number
  stage: 'candidate' | 'live' | 'archived'
  created_at: string
  created_by: string
  metrics: Record<string, unknown>
}
export interface StreamWindow {
  at: string
  seconds: number
  events: number
  healed: number
  quarantined: number
  late_ms: number | null
  lag: number | null
}
export interface StreamPart {
  source: string
  part: number
  place: number
  end: number
  lag: number
}
export interface StreamExample {
  id: string
  column: string | null
  old: string | null
  new: string | null
  confidence: number | null
}
export interface StreamAlert {
  id: string
  stage: string
  at: string
  kind: string
  column: string | null
  over: boolean
  message: string
}
export interface StreamColumn {
  column: string
  cells: number
  missing: number
  changed: number
}
/** Cells of one column that are wrong in one way, as a report and the history tell them. */
export interface Issue {
  column: string | null
  kind: string
  cells: number
  cost: number
  mended: number
  whole: boolean
  run?: string
  examples?: Record<string, unknown>[]
}
export interface RecipeTold {
  text: string
  edit: Change['edit']
  cells: number
  sure: number | null
  reason: string | null
  examples: { edit: Change['edit']; old: string | null; new: string | null; cells: number; why: string | null }[]
}
/** What the page of a heal and its HTML report are drawn from. */
export interface Report {
  run: { rows: number; findings: number; applied: number; suggested: number; flagged: number }
  scores: { before: Dimensions | null; after: Dimensions | null }
  issues: Issue[]
  minor: Issue[]
  issues_in_all: number
  applied: RecipeTold[]
  suggested: RecipeTold[]
  withdrawn: RecipeTold[]
  left: { column: string | null; kind: string; reason: string; cells: number; example: string | null; proposed: string | null }[]
  left_in_all: number
}
export type Dimensions = Record<string, number | null>
export interface Page<T> {
  items: T[]
  next?: string | null
}

const inPages = <T>(key: unknown[], url: string, query: Query) => ({
  queryKey: key,
  queryFn: ({ pageParam }: { pageParam: string | null }) => get<Page<T>>(url, { ...query, after: pageParam }),
  initialPageParam: null as string | null,
  getNextPageParam: (last: Page<T>) => last.next ?? null,
})

/** A list that comes in pages. */
export const usePages = <T>(key: unknown[], url: string, query: Query, isWanted = true) =>
  useInfiniteQuery({ ...inPages<T>(key, url, query), enabled: isWanted })

/** Every item of a list, page after page in the background. */
function useWhole<T>(key: unknown[], url: string, more: { staleTime?: number } = {}) {
  const pages = useInfiniteQuery({ ...inPages<T>(key, url, { limit: 500 }), ...more })
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = pages
  useEffect(() => {
    if (hasNextPage && !isFetching && !isFetchNextPageError) void fetchNextPage() // what fails is asked again with the whole list
  }, [hasNextPage, isFetching, isFetchNextPageError, fetchNextPage])
  return pages
}

export const useTables = () => useWhole<TableItem>(['tables'], '/tables', { staleTime: 30_000 })
export const useOpenIncidents = () => useWhole<Incident>(['incidents', 'open'], '/incidents')

export const useRun = (run: string) => useQuery({ queryKey: ['runs', run], queryFn: () => get<RunDetail>(path`/runs/${run}`) })
export const useRuns = (query: Query) => useQuery({ queryKey: ['runs', 'list', query], queryFn: () => get<ListedRunItem>('/runs', query) })

export const questionsOf = (run: string, limit: number) => ({
  queryKey: ['questions', run, limit],
  queryFn: () => get<ListedQuestionItem>(path`/runs/${run}/questions`, { limit }),
  staleTime: 60_000,
})
export const useCourse = (kind: 'tables' | 'monitors', table: string, fact: string[]) =>
  useQuery({ queryKey: ['course', kind, table, fact], queryFn: () => get<Course>(path`/${kind}/${table}/course`, { fact, band: true }) })
export const useMonitor = (table: string, isWanted: boolean) =>
  useQuery({ queryKey: ['monitors', table], queryFn: () => get<MonitorStatus>(path`/monitors/${table}`), enabled: isWanted })
export const useBatch = (table: string, batch: string | null) =>
  useQuery({ queryKey: ['monitors', table, batch], queryFn: () => get<Batch>(path`/monitors/${table}/batches/${batch!}`), enabled: batch !== null })

const LIVE_MS = 1_000 // streams are counted by other processes, which tell nobody: they are asked while somebody looks

export const useStreams = () => useQuery({ queryKey: ['streams'], queryFn: () => get<ListedStreamItem>('/streams'), refetchInterval: LIVE_MS })
export const useStream = (stream: string) =>
  useQuery({ queryKey: ['streams', stream], queryFn: () => get<StreamDetail>(path`/streams/${stream}`), refetchInterval: LIVE_MS })
export const useObjectives = () => useQuery({ queryKey: ['objectives'], queryFn: () => get<ListedObjectiveItem>('/objectives', { limit: 500 }) })
export const useReport = (run: string, isKept: boolean) =>
  useQuery({ queryKey: ['report', run], queryFn: () => get<Report>(path`/runs/${run}/report.json`), staleTime: Infinity, enabled: isKept })
