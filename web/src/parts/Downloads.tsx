import { useQuery } from '@tanstack/react-query'
import { fetchFile, get, path } from '../api/client'
import type { ListedJobItem } from '../api/schema'
import { texts } from '../texts'
import { useNews } from './News'

const t = texts.run.download
const LOOKED_AT = 500

/** The mended file and its report, where the service made them. */
export function Downloads({ run, table }: { run: string; table: string }) {
  const tell = useNews()
  const jobs = useQuery({ queryKey: ['jobs', 'heals'], queryFn: () => get<ListedJobItem>('/jobs', { kind: 'heal', limit: LOOKED_AT }) })
  if (!jobs.data?.items.some((job) => job.run === run)) return null
  async function save(part: 'output' | 'report', name: string) {
    await fetchFile(path`/runs/${run}/${part}`).then(
      (file) => {
        const link = document.createElement('a')
        link.href = URL.createObjectURL(file)
        link.download = name
        link.click()
        URL.revokeObjectURL(link.href)
      },
      (error: Error) => tell({ text: error.message, isTrouble: true }),
    )
  }
  return (
    <>
      <button className="button" onClick={() => void save('output', table)}>{t.output}</button>
      <button className="button" onClick={() => void save('report', `${table}.html`)}>{t.report}</button>
    </>
  )
}
