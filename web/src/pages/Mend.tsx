import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useNavigate } from 'react-router'
import { get, path, send, sendFile } from '../api/client'
import type { HealJob, JobDetail, UploadItem } from '../api/schema'
import { Failed } from '../parts/States'
import { Title } from '../parts/Title'
import { texts } from '../texts'

const t = texts.mend
const LOOK_MS = 700
const isOver = (job: JobDetail | undefined) => job !== undefined && ['done', 'failed', 'cancelled'].includes(job.state)

/** Sends a file and has it mended. */
export function Mend() {
  const [job, setJob] = useState<string | null>(null)
  return (
    <>
      <Title text={t.title} />
      {job === null ? <Form onJob={setJob} /> : <Progress id={job} onBack={() => setJob(null)} />}
    </>
  )
}

interface Wishes {
  file: File
  auto: number
  impute: boolean
}

async function begin({ file, auto, impute }: Wishes): Promise<JobDetail> {
  const upload = await sendFile<UploadItem>('/uploads', file)
  const wanted: HealJob = { kind: 'heal', source: { upload: upload.id }, options: { auto, impute } as HealJob['options'], priority: 0 }
  return send<JobDetail>('POST', '/jobs', wanted)
}

function Form({ onJob }: { onJob: (id: string) => void }) {
  const [file, setFile] = useState<File | null>(null)
  const [auto, setAuto] = useState('0.95')
  const [impute, setImpute] = useState(false)
  const start = useMutation({ mutationFn: begin, onSuccess: (job) => onJob(job.id) })
  return (
    <form className="flex max-w-xl flex-col gap-5" onSubmit={(event) => { event.preventDefault(); if (file) start.mutate({ file, auto: Number(auto), impute }) }}>
      <p className="text-soft">{t.why}</p>
      <label className="flex flex-col gap-1 font-medium">
        {t.file}
        <input type="file" required className="field w-full py-3 font-normal file:mr-4 file:rounded-md file:border file:border-line file:bg-sunk file:px-3 file:py-1 file:text-ink" onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
        <span className="text-sm font-normal text-soft">{t.formats}</span>
      </label>
      <label className="flex flex-col gap-1 font-medium">
        {t.auto}
        <select className="field font-normal" value={auto} onChange={(event) => setAuto(event.target.value)}>
          {Object.entries(t.autos).map(([value, words]) => <option key={value} value={value}>{words}</option>)}
        </select>
      </label>
      <label className="flex items-center gap-2"><input type="checkbox" checked={impute} onChange={(event) => setImpute(event.target.checked)} />{t.impute}</label>
      {start.error && <Failed error={start.error} />}
      <button className="button button-strong self-start" disabled={start.isPending}>{start.isPending ? `${t.sending} …` : t.go}</button>
    </form>
  )
}

function Progress({ id, onBack }: { id: string; onBack: () => void }) {
  const go = useNavigate()
  const query = useQuery({
    queryKey: ['jobs', id],
    queryFn: () => get<JobDetail>(path`/jobs/${id}`),
    refetchInterval: ({ state }) => (isOver(state.data) ? false : LOOK_MS),
  })
  const job = query.data
  const stop = useMutation({ mutationFn: () => send<JobDetail>('POST', path`/jobs/${id}/cancel`), onSuccess: () => void query.refetch() })
  useEffect(() => {
    if (job?.state === 'done' && job.run) void go(path`/runs/${job.run}`)
  }, [job, go])
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />
  const words = job ? (t.state[job.state] ?? job.state) : texts.loading
  return (
    <div className="max-w-xl">
      <p role="status">{words}{job?.state === 'running' && job.stage && `: ${job.stage}`} {!isOver(job) && '…'}</p>
      <progress className="mt-3 block w-full" aria-label={t.title} max={1} value={job?.state === 'running' ? job.progress : isOver(job) ? 1 : undefined} />
      {job?.problem != null && <div className="mt-4"><Failed error={new Error(job.problem.message)} /></div>}
      <div className="mt-4 flex gap-2">
        {!isOver(job) && <button className="button" disabled={stop.isPending || job?.cancels} onClick={() => stop.mutate()}>{t.cancel}</button>}
        {isOver(job) && <button className="button" onClick={onBack}>{t.another}</button>}
      </div>
    </div>
  )
}
