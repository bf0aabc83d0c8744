/** Choices of which one holds. */
export function Tabs<T extends string>({ label, names, chosen, onChoose }: { label: string; names: Partial<Record<T, string>>; chosen: T; onChoose: (each: T) => void }) {
  return (
    <div role="group" aria-label={label} className="flex gap-1 overflow-x-auto">
      {(Object.keys(names) as T[]).map((each) => (
        <button key={each} aria-pressed={each === chosen} onClick={() => onChoose(each)}
          className={`rounded-md px-3 py-1.5 whitespace-nowrap ${each === chosen ? 'bg-sunk font-semibold' : 'text-soft hover:text-ink'}`}>
          {names[each]}
        </button>
      ))}
    </div>
  )
}
