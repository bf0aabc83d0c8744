import { Audit } from '../parts/Audit'
import { ApiKeys } from '../parts/ApiKeys'
import { ThemeSwitch, useMe } from '../parts/Shell'
import { Answered } from '../parts/States'
import { Title } from '../parts/Title'
import { texts } from '../texts'

const t = texts.settings

export function Settings() {
  const me = useMe()
  return (
    <>
      <Title text={t.title} />
      <div className="flex flex-col gap-8">
        <Answered query={me}>
          {(who) => (
            <>
              <section aria-labelledby="me" className="max-w-md">
                <h2 id="me" className="mb-2">{t.me}</h2>
                <p className="mb-3">{t.who(who.name, who.role, who.tenant)} <span className="text-soft">· {texts.name} {who.version}</span></p>
                <ThemeSwitch />
              </section>
              {who.role === 'admin' ? <><ApiKeys /><Audit /></> : <p className="text-soft">{t.admins}</p>}
            </>
          )}
        </Answered>
      </div>
    </>
  )
}
