import { useQueries, useQueryClient } from '@tanstack/react-query'
import { get, path, send } from '../api/client'
import { useRuns } from '../api/lists'
import type { RunDetail, Undone } from '../api/schema'
import { holding, type Part } from '../logic/undone'
import { texts } from '../texts'
import { useNews } from './News'

const t = texts.run
const TOUCHED = ['runs', 'tables', 'questions', 'course']

/** After a write: what it may have changed is asked for again. */
export function useRefresh() {
  const client = useQueryClient()
  return () => Promise.all(TOUCHED.map((key) => client.invalidateQueries({ queryKey: [key] })))
}

/** Takes a part of a run back, and offers to take that back. */
export function useUndo() {
  const tell = useNews()
  const refresh = useRefresh()
  const failed = (error: Error) => tell({ text: error.message, isTrouble: true })
  async function redo(change: string) {
    await send<Undone>('POST', path`/runs/${change}/undo`).then(() => tell({ text: t.redone }), failed)
    await refresh()
  }
  return async (run: string, part: Part, text = (done: Undone) => t.undone(done.edits)) => {
    await send<Undone>('POST', path`/runs/${run}/undo`, part).then(
      (done) => tell({ text: text(done), action: { label: t.redo, run: () => void redo(done.change) } }),
      failed,
    )
    await refresh()
  }
}

/** The parts of a run that are taken back now. */
export function useTakenBack(run: Pick<RunDetail, 'run' | 'table'>): Part[] {
  const undos = useRuns({ kind: 'undo', table: run.table, limit: 500 })
  const found = holding(run.run, undos.data?.items ?? [])
  const details = useQueries({
    queries: found.map((undo) => ({ queryKey: ['runs', undo.run], queryFn: () => get<RunDetail>(path`/runs/${undo.run}`), staleTime: Infinity })),
  })
  return details.flatMap((each) => (each.data ? [each.data.selection as Part] : []))
}

