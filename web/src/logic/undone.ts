/** Which undos still hold: one that was taken back itself does not. */

export interface Undo {
  run: string
  undoes: string | null
}

export function holding<T extends Undo>(of: string, undos: readonly T[]): T[] {
  const holds = (undo: T): boolean => !undos.some((later) => later.undoes === undo.run && holds(later))
  return undos.filter((undo) => undo.undoes === of && holds(undo))
}

export interface Part {
  row?: number | null
  column?: string | null
  recipe?: string | null
}

/** Whether an undo of this part took a change back; a part that names nothing is the whole run. */
export function takes(part: Part, change: { row: number; column: string | null; recipe: string | null }): boolean {
  return (
    (part.row == null || part.row === change.row) &&
    (part.column == null || part.column === change.column) &&
    (part.recipe == null || (change.recipe ?? '').startsWith(part.recipe))
  )
}
