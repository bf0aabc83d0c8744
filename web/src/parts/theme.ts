import { useSyncExternalStore } from 'react'

/** Light, dark, or as the system has it. */

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'kintsu-theme'
const system = matchMedia('(prefers-color-scheme: dark)')
const watchers = new Set<() => void>()

export const chosenTheme = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? 'system'
export const isDark = () => (chosenTheme() === 'system' ? system.matches : chosenTheme() === 'dark')

export function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light'
  watchers.forEach((tell) => tell())
}

export function chooseTheme(theme: Theme) {
  localStorage.setItem(KEY, theme)
  applyTheme()
}

system.addEventListener('change', applyTheme)

function watch(tell: () => void) {
  watchers.add(tell)
  return () => watchers.delete(tell)
}

export const useTheme = () => useSyncExternalStore(watch, chosenTheme)
export const useIsDark = () => useSyncExternalStore(watch, isDark)
