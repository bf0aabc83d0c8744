import { useEffect, useRef } from 'react'

/** One-key commands, wherever nothing is typed and no dialog is open. Each says whether it took the key. */
export function useKeys(handle: (key: string) => boolean | void) {
  const latest = useRef(handle)
  latest.current = handle
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      const on = event.target as HTMLElement
      if (event.ctrlKey || event.metaKey || event.altKey || on.closest('input, select, textarea, dialog')) return
      if (document.querySelector('dialog[open]') || (event.key === 'Enter' && on.closest('a, button'))) return
      if (latest.current(event.key)) event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
}
