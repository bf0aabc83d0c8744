import { useState } from 'react'
import { saveKey } from '../api/client'
import { texts } from '../texts'
import { Coded } from './States'

/** Asks for a key. */
export function SignIn({ refusal, onKey }: { refusal: string | null; onKey: () => void }) {
  const [key, setKey] = useState('')
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-5 p-6">
      <img src="/bowl.svg" alt="" width="48" height="48" />
      <h1>{texts.signIn.title}</h1>
      <p className="text-soft">{texts.signIn.why}</p>
      <form className="flex flex-col gap-3" onSubmit={(event) => { event.preventDefault(); saveKey(key.trim()); onKey() }}>
        <label className="flex flex-col gap-1">
          {texts.signIn.key}
          <input className="field font-mono" type="password" autoComplete="current-password" required autoFocus value={key}
            onChange={(event) => setKey(event.target.value)} aria-describedby="key-hint" aria-invalid={refusal !== null} />
        </label>
        {refusal && <p role="alert" className="text-alarm">{refusal}</p>}
        <p id="key-hint" className="text-sm text-soft"><Coded text={texts.signIn.hint} /></p>
        <button className="button button-strong self-start">{texts.signIn.go}</button>
      </form>
    </main>
  )
}
