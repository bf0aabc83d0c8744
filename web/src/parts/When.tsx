import { ago, exactly } from '../logic/shown'

export function When({ at }: { at: string | null }) {
  return at ? <time dateTime={at} title={exactly(at)} className="whitespace-nowrap">{ago(at)}</time> : <>–</>
}
