import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { NavLink, Outlet, useLocation } from 'react-router'
import { get, savedKey, saveKey, Trouble } from '../api/client'
import { follow } from '../api/live'
import type { Me } from '../api/schema'
import { texts } from '../texts'
import { SignIn } from './SignIn'
import { chooseTheme, useTheme, type Theme } from './theme'
import { Failed } from './States'

const PAGES = [
  ['/', texts.nav.overview], ['/runs', texts.nav.runs], ['/incidents', texts.nav.incidents],
  ['/streams', texts.nav.streams], ['/objectives', texts.nav.objectives], ['/models', texts.nav.models], ['/settings', texts.nav.settings],
] as const

export const useMe = () => useQuery({ queryKey: ['me'], queryFn: () => get<Me>('/me'), staleTime: Infinity })

export function ThemeSwitch() {
  return (
    <label className="flex items-center gap-2 text-sm text-soft">
      <span className="sr-only">{texts.theme.label}</span>
      <select className="field w-full" value={useTheme()} onChange={(event) => chooseTheme(event.target.value as Theme)}>
        {(['system', 'light', 'dark'] as const).map((each) => <option key={each} value={each}>{texts.theme[each]}</option>)}
      </select>
    </label>
  )
}

function Brand() {
  return (
    <span className="flex items-center gap-2 text-[1.05rem] font-semibold tracking-tight">
      <img src="/bowl.svg" alt="" width="24" height="24" />
      {texts.name}
    </span>
  )
}

/** Every address gets a fresh view: its title is told, and the top of it shown. */
function useArrival() {
  const { pathname } = useLocation()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  useEffect(() => {
    if (!first.current) {
      window.scrollTo(0, 0)
      main.current?.focus({ preventScroll: true })
    }
    first.current = false
  }, [pathname])
  return main
}

/** On a phone the links are wider than the screen: the one to this page is moved into view. */
function useCurrentInView() {
  const { pathname } = useLocation()
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    const here = nav.current?.querySelector<HTMLElement>('[aria-current=page]')
    if (here) nav.current!.scrollLeft = here.offsetLeft - (nav.current!.clientWidth - here.clientWidth) / 2 // scrollIntoView would move the Tab key too
  }, [pathname])
  return nav
}

export function Shell() {
  const client = useQueryClient()
  const me = useMe()
  const main = useArrival()
  const nav = useCurrentInView()
  const isIn = me.data !== undefined
  useEffect(() => (isIn ? follow(client) : undefined), [client, isIn])
  const isOut = me.error instanceof Trouble && me.error.status === 401
  if (isOut) return <SignIn refusal={savedKey() ? me.error!.message : null} onKey={() => void client.resetQueries()} />
  return (
    <div className="md:grid md:grid-cols-[12.5rem_1fr]">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-40 focus:bg-sheet focus:p-3">{texts.skip}</a>
      <header className="flex items-center justify-between border-line px-4 py-3 md:sticky md:top-0 md:h-dvh md:flex-col md:items-stretch md:justify-start md:gap-6 md:border-r md:px-4 md:py-5">
        <Brand />
        <nav ref={nav} aria-label={texts.nav.label} className="fixed inset-x-0 bottom-0 z-20 flex overflow-x-auto border-t border-line bg-sheet md:static md:flex-col md:gap-0.5 md:border-0 md:bg-transparent">
          {PAGES.map(([to, name]) => (
            <NavLink key={to} to={to} end={to === '/'} className={({ isActive }) =>
              `shrink-0 grow px-2.5 py-3 text-center text-[0.8rem] no-underline hover:no-underline md:grow-0 md:rounded-md md:px-3 md:py-1.5 md:text-left md:text-base ${
                isActive ? 'font-semibold text-ink shadow-[inset_0_2px_0_var(--ink)] md:bg-sunk md:shadow-none' : 'text-soft hover:text-ink'}`}>
              {name}
            </NavLink>
          ))}
        </nav>
        <div className="flex items-center gap-3 md:mt-auto md:flex-col md:items-stretch">
          {me.data && (
            <p className="hidden text-sm text-soft md:block">
              {me.data.name} · {me.data.role}
              {savedKey() && (
                <button className="ml-2 text-link underline" onClick={() => { saveKey(null); void client.resetQueries() }}>{texts.signIn.out}</button>
              )}
            </p>
          )}
          <ThemeSwitch />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="min-w-0 px-4 pt-2 pb-24 outline-none md:px-8 md:pt-6 md:pb-16">
        {me.error ? <Failed error={me.error} again={() => void me.refetch()} /> : <Outlet />}
      </main>
    </div>
  )
}
