import { useState, type FormEvent } from 'react'
import { path, send } from '../api/client'
import type { Change } from '../api/lists'
import type { Said } from '../api/schema'
import { texts } from '../texts'
import { Dialog } from './Ask'
import { useNews } from './News'
import { useRefresh, useUndo } from './useUndo'

const t = texts.run
const HIDDEN = '•••' // stands for a value that whoever asks may not see

interface Props {
  run: string
  change: Change
  onClose: () => void
}

/** Asks what a cell should hold; cells like it change with it where that is sure. */
export function Correct({ run, change, onClose }: Props) {
  const [value, setValue] = useState(change.new === HIDDEN ? '' : change.new ?? '')
  const [isEmpty, setEmpty] = useState(false)
  const tell = useNews()
  const refresh = useRefresh()
  const undo = useUndo()

  async function save(event: FormEvent) {
    event.preventDefault()
    onClose()
    const cell = { row: change.row, column: change.column, value: isEmpty ? null : value }
    await send<Said>('POST', path`/runs/${run}/corrections`, { cells: [cell] }).then(
      (said) => tell({ text: t.corrected(said.applied), action: { label: t.redo, run: () => void undo(said.change, {}) } }),
      (error: Error) => tell({ text: error.message, isTrouble: true }),
    )
    await refresh()
  }
  return (
    <Dialog title={t.correctTitle(change.row, change.column ?? '')} onClose={onClose}>
      <form onSubmit={(event) => void save(event)} className="mt-3">
        <label className="block text-sm text-soft" htmlFor="right-value">{t.rightValue}</label>
        <input id="right-value" className="field mt-1 w-full" autoFocus value={isEmpty ? '' : value} disabled={isEmpty} onChange={(event) => setValue(event.target.value)} />
        <label className="mt-3 flex items-center gap-2"><input type="checkbox" checked={isEmpty} onChange={(event) => setEmpty(event.target.checked)} />{t.cellIsEmpty}</label>
        <p className="mt-3 text-soft">{t.correctBody}</p>
        <div className="mt-5 flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>{texts.cancel}</button>
          <button className="button button-strong" disabled={!isEmpty && value === ''}>{t.correctGo}</button>
        </div>
      </form>
    </Dialog>
  )
}
