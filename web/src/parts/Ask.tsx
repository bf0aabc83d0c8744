import { useEffect, useRef, type ReactNode } from 'react'
import { texts } from '../texts'

/** A dialog; Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const box = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    box.current?.showModal()
    return () => before?.focus()
  }, [])
  return (
    <dialog ref={box} aria-label={title} onClose={onClose} onKeyDown={(event) => event.stopPropagation()} className="w-[min(28rem,calc(100vw-2rem))] rounded-lg border border-line p-5 shadow-xl">
      <h2 className="text-[1.05rem] wrap-anywhere">{title}</h2>
      {children}
    </dialog>
  )
}

export interface Question {
  title: string
  body: string
  go: string
  run: () => void
}

/** Asks before something is done. */
export function Ask({ question, onClose }: { question: Question; onClose: () => void }) {
  return (
    <Dialog title={question.title} onClose={onClose}>
      <p className="mt-2 text-soft">{question.body}</p>
      <div className="mt-5 flex justify-end gap-2">
        <button className="button" onClick={onClose}>{texts.cancel}</button>
        <button className="button button-strong" autoFocus onClick={() => { onClose(); question.run() }}>{question.go}</button>
      </div>
    </Dialog>
  )
}

/** The keys of a page. */
export function Keys({ keys, onClose }: { keys: string[][]; onClose: () => void }) {
  return (
    <Dialog title={texts.run.keysTitle} onClose={onClose}>
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
        {keys.map(([key, meaning]) => (
          <div key={key} className="contents"><dt><kbd className="key">{key}</kbd></dt><dd>{meaning}</dd></div>
        ))}
      </dl>
      <button className="button mt-4" autoFocus onClick={onClose}>{texts.close}</button>
    </Dialog>
  )
}
