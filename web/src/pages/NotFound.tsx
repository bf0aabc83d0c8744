import { Link } from 'react-router'
import { Empty } from '../parts/States'
import { Title } from '../parts/Title'
import { texts } from '../texts'

export function NotFound() {
  return <><Title text={texts.trouble.page} /><Empty title={texts.trouble.page}><Link to="/">{texts.trouble.home}</Link></Empty></>
}
