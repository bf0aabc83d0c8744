import { BarChart as Bar } from 'echarts/charts'
import { AriaComponent, GridComponent, TooltipComponent } from 'echarts/components'
import { use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { n } from '../texts'
import { look, useChart } from './useChart'

use([Bar, AriaComponent, GridComponent, TooltipComponent, CanvasRenderer])

export interface Bars {
  alt: string
  bars: { name: string; cells: number }[]
  /** Names stand beside the bars: for values. Without, bars stand side by side: for ranges of numbers. */
  isNamed: boolean
}

function option({ bars, isNamed }: Bars) {
  const { colour, text, tooltip } = look()
  const names = { type: 'category', data: bars.map((bar) => bar.name), inverse: isNamed, axisTick: { show: false }, axisLine: { show: false } }
  const cells = { type: 'value', show: false }
  const label = { ...text, color: colour('ink'), width: 120, overflow: 'truncate' }
  return {
    animation: false,
    textStyle: text,
    grid: { left: 0, right: isNamed ? 44 : 0, top: 0, bottom: 0, containLabel: isNamed },
    tooltip: { ...tooltip, axisPointer: { type: 'none' }, valueFormatter: (value: number) => n(value) },
    xAxis: isNamed ? cells : { ...names, axisLabel: { show: false } },
    yAxis: isNamed ? { ...names, axisLabel: label } : cells,
    series: [{
      type: 'bar', data: bars.map((bar) => bar.cells), barCategoryGap: isNamed ? '35%' : '8%', barMinHeight: 1,
      itemStyle: { color: colour('link'), opacity: 0.75 },
      label: isNamed ? { ...text, show: true, position: 'right', formatter: ({ value }: { value: number }) => n(value) } : undefined,
    }],
  }
}

export default function BarChart(props: Bars) {
  return <div ref={useChart(props, option)} role="img" aria-label={props.alt} className="h-28 w-full" />
}
