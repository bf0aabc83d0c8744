import { usePages } from '../api/lists'
import type { ActLine } from '../api/schema'
import { texts } from '../texts'
import { More } from './More'
import { Answered } from './States'
import { When } from './When'

const t = texts.settings

/** Who wrote what through the service. */
export function Audit() {
  const pages = usePages<ActLine>(['audit'], '/audit', { limit: 50 })
  return (
    <section aria-labelledby="audit">
      <h2 id="audit" className="mb-2">{t.audit}</h2>
      <Answered query={pages}>
        {(data) => data.pages[0]!.items.length === 0 ? <p className="text-soft">{t.noAudit}</p> : (
          <>
            <div className="sheet overflow-x-auto" tabIndex={0} role="region" aria-label={t.audit}>
              <table className="w-full">
                <thead className="border-b border-line text-sm"><tr>{Object.values(t.auditHead).map((name) => <th scope="col" key={name} className="px-4 py-2">{name}</th>)}</tr></thead>
                <tbody className="divide-y divide-line">
                  {data.pages.flatMap((page) => page.items).map((act) => (
                    <tr key={act.id}>
                      <td className="px-4 py-1.5 text-soft"><When at={act.at} /></td>
                      <td className="px-4 py-1.5 whitespace-nowrap">{act.who} · {act.role}</td>
                      <td className="min-w-56 px-4 py-1.5 font-mono text-[0.87em] wrap-anywhere">{act.action}</td>
                      <td className="px-4 py-1.5">{act.status}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <More pages={pages} />
          </>
        )}
      </Answered>
    </section>
  )
}
