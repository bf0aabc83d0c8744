import { fetchFile, path } from '../api/client'
import type { RunDetail } from '../api/schema'
import { texts } from '../texts'
import { useNews } from './News'

const t = texts.run.download

/** The mended file, where the service made it, and the report. */
export function Downloads({ run: { run, table, downloads } }: { run: RunDetail }) {
  const tell = useNews()
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
      {downloads.includes('output') && <button className="button" onClick={() => void save('output', table)}>{t.output}</button>}
      {downloads.includes('report') && <button className="button" onClick={() => void save('report', `${table}.html`)}>{t.report}</button>}
    </>
  )
}
