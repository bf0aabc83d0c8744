import { usePages } from '../api/lists'
import type { ActLine } from '../api/schema'
import { texts } from '../texts'
import { Paged } from './Paged'
import { Part } from './Part'
import { Sheet } from './Sheet'
import { When } from './When'

const t = texts.settings

/** Who wrote what through the service. */
export function Audit() {
  const pages = usePages<ActLine>(['audit'], '/audit', { limit: 50 })
  return (
    <Part id="audit" title={t.audit}>
      <Paged pages={pages} empty={t.noAudit} isQuiet>
        {(acts) => (
          <Sheet label={t.audit} heads={Object.values(t.auditHead)}>
            {acts.map((act) => (
              <tr key={act.id}>
                <td className="text-soft"><When at={act.at} /></td>
                <td className="whitespace-nowrap">{act.who} · {act.role}</td>
                <td className="min-w-56 font-mono text-[0.87em] wrap-anywhere">{act.action}</td>
                <td>{act.status}</td>
              </tr>
            ))}
          </Sheet>
        )}
      </Paged>
    </Part>
  )
}
