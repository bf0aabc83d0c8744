import { Suspense, lazy } from 'react'
import { Waiting } from './States'
import type { Lines } from './LineChart'

const LineChart = lazy(() => import('./LineChart'))

/** A line chart; the library comes when the first one is drawn. */
export function Chart(props: Lines) {
  return <Suspense fallback={<div className="h-72"><Waiting /></div>}><LineChart {...props} /></Suspense>
}
