import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { get, path, send } from '../api/client'
import type { KeyItem, ListedKeyItem, MadeKey, NewKey } from '../api/schema'
import { texts } from '../texts'
import { Ask } from './Ask'
import { useNews } from './News'
import { Part } from './Part'
import { Sheet } from './Sheet'
import { Answered } from './States'
import { When } from './When'

const t = texts.settings
const ROLES = ['viewer', 'steward', 'engineer', 'admin'] as const

const stateOf = (key: KeyItem) =>
  key.revoked_at ? t.revoked : key.expires_at && new Date(key.expires_at) < new Date() ? t.expired : t.valid

/** The keys with which programs and people sign in. */
export function ApiKeys() {
  const client = useQueryClient()
  const tell = useNews()
  const [made, setMade] = useState<MadeKey | null>(null)
  const [ending, setEnding] = useState<KeyItem | null>(null)
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => get<ListedKeyItem>('/keys') })
  const failed = (error: Error) => tell({ text: error.message, isTrouble: true })
  const refresh = () => client.invalidateQueries({ queryKey: ['keys'] })
  async function create(wanted: NewKey) {
    await send<MadeKey>('POST', '/keys', wanted).then(setMade, failed)
    await refresh()
  }
  async function revoke(key: KeyItem) {
    await send('DELETE', path`/keys/${key.id}`).catch(failed)
    await refresh()
  }
  return (
    <Part id="keys" title={t.keys}>
      <Create onCreate={(wanted) => void create(wanted)} />
      {made && (
        <div role="status" className="sheet mb-4 p-4">
          <p>{t.made}</p>
          <p className="mt-2 flex flex-wrap items-center gap-3">
            <code className="font-mono text-sm wrap-anywhere">{made.key}</code>
            <button className="button" onClick={() => void navigator.clipboard.writeText(made.key).then(() => tell({ text: t.copied }), failed)}>{t.copy}</button>
          </p>
        </div>
      )}
      <Answered query={keys}>{({ items }) => items.length === 0 ? <p className="text-soft">{t.noKeys}</p> : <KeyTable keys={items} onEnd={setEnding} />}</Answered>
      {ending && <Ask question={{ title: t.revokeTitle(ending.name), body: t.revokeBody, go: t.revoke, run: () => void revoke(ending) }} onClose={() => setEnding(null)} />}
    </Part>
  )
}

function Create({ onCreate }: { onCreate: (wanted: NewKey) => void }) {
  const [wanted, setWanted] = useState<NewKey>({ name: '', role: 'viewer', days: 90 })
  return (
    <form className="mb-4 flex flex-wrap items-end gap-3" onSubmit={(event) => { event.preventDefault(); onCreate(wanted); setWanted({ ...wanted, name: '' }) }}>
      <label className="flex flex-col gap-1 text-sm text-soft">{t.name}
        <input className="field text-base" required maxLength={100} pattern="\S(.*\S)?" value={wanted.name} onChange={(event) => setWanted({ ...wanted, name: event.target.value })} />
      </label>
      <label className="flex flex-col gap-1 text-sm text-soft">{t.role}
        <select className="field text-base" value={wanted.role} onChange={(event) => setWanted({ ...wanted, role: event.target.value as NewKey['role'] })}>
          {ROLES.map((role) => <option key={role} value={role}>{t.roles[role]}</option>)}
        </select>
      </label>
      <label className="flex flex-col gap-1 text-sm text-soft">{t.days}
        <input className="field w-24 text-base" type="number" required min={1} max={3650} value={wanted.days} onChange={(event) => setWanted({ ...wanted, days: event.target.valueAsNumber })} />
      </label>
      <button className="button button-strong">{t.create}</button>
    </form>
  )
}

function KeyTable({ keys, onEnd }: { keys: KeyItem[]; onEnd: (key: KeyItem) => void }) {
  return (
    <Sheet label={t.keys} heads={[...Object.values(t.keyHead), '']}>
      {keys.map((key) => (
        <tr key={key.id}>
          <th scope="row">{key.name}</th>
          <td>{key.role}</td>
          <td className="text-soft"><When at={key.created_at} /></td>
          <td className="whitespace-nowrap text-soft">{key.expires_at ? key.expires_at.slice(0, 10) : t.never}</td>
          <td className="text-soft">{key.used_at ? <When at={key.used_at} /> : t.never}</td>
          <td>{stateOf(key)}</td>
          <td className="text-right">{!key.revoked_at && <button className="button" onClick={() => onEnd(key)}>{t.revoke}</button>}</td>
        </tr>
      ))}
    </Sheet>
  )
}
