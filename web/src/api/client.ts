import { texts } from '../texts'
import type { Problem } from './schema'

/** Asks the service. The key lives as long as the tab. */

const KEY = 'kintsu-key'
export const API = '/api/v1'

export class Trouble extends Error {
  constructor(readonly status: number, message: string) {
    super(message)
  }
}

export const savedKey = () => sessionStorage.getItem(KEY)
export function saveKey(key: string | null) {
  if (key) sessionStorage.setItem(KEY, key)
  else sessionStorage.removeItem(KEY)
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  const key = savedKey()
  return key ? { ...more, Authorization: `Bearer ${key}` } : more
}

async function troubleOf(answer: Response): Promise<Trouble> {
  const problem = (await answer.json().catch(() => null)) as Problem | null
  return new Trouble(answer.status, problem?.detail ?? texts.trouble.status(answer.status))
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(API + path, { ...init, method, headers: headers(init.headers as Record<string, string>) }).catch(
    () => {
      throw new Trouble(0, texts.trouble.unreachable)
    },
  )
  if (!answer.ok) throw await troubleOf(answer)
  return answer
}

export type Query = Record<string, string | number | boolean | string[] | null | undefined>

export function withQuery(path: string, query: Query = {}): string {
  const pairs = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const each of Array.isArray(value) ? value : [value]) if (each !== null && each !== undefined) pairs.append(name, String(each))
  const text = pairs.toString()
  return text ? `${path}?${text}` : path
}

export async function get<T>(path: string, query?: Query): Promise<T> {
  return (await ask('GET', withQuery(path, query))).json() as Promise<T>
}

export async function send<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  const answer = await ask(method, path, init)
  return (answer.status === 204 ? null : await answer.json()) as T
}

/** A path from names that may hold anything. */
export const path = (parts: TemplateStringsArray, ...names: (string | number)[]) =>
  String.raw({ raw: parts }, ...names.map((name) => encodeURIComponent(String(name))))

/** Sends a file as it is; its name tells the format. */
export async function sendFile<T>(url: string, file: File): Promise<T> {
  const answer = await ask('POST', withQuery(url, { name: file.name }), { body: file, headers: { 'Content-Type': 'application/octet-stream' } })
  return answer.json() as Promise<T>
}

export const fetchFile = async (url: string) => (await ask('GET', url)).blob()
