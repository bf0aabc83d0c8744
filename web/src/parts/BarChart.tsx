import { BarChart as Bar } from 'echarts/charts'
import { AriaComponent, GridComponent, TooltipComponent } from 'echarts/components'
import { init, use, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import { n } from '../texts'
import { useIsDark } from './theme'

use([Bar, AriaComponent, GridComponent, TooltipComponent, CanvasRenderer])

export interface Bars {
  alt: string
  bars: { name: string; cells: number }[]
  /** Names stand beside the bars: for values. Without, bars stand side by side: for ranges of numbers. */
  isNamed: boolean
}

function option({ bars, isNamed }: Bars) {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const text = { color: colour('soft'), fontFamily: 'system-ui, sans-serif', fontSize: 12 }
  const names = { type: 'category', data: bars.map((bar) => bar.name), inverse: isNamed, axisTick: { show: false }, axisLine: { show: false } }
  const cells = { type: 'value', show: false }
  const label = { ...text, color: colour('ink'), width: 120, overflow: 'truncate' }
  return {
    animation: false,
    textStyle: text,
    grid: { left: 0, right: isNamed ? 44 : 0, top: 0, bottom: 0, containLabel: isNamed },
    tooltip: {
      trigger: 'axis', axisPointer: { type: 'none' }, renderMode: 'richText', confine: true, backgroundColor: colour('sheet'),
      borderColor: colour('line'), textStyle: { ...text, color: colour('ink') }, valueFormatter: (value: number) => n(value),
    },
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
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType>(undefined)
  const dark = useIsDark()
  useEffect(() => {
    const made = (chart.current = init(box.current!))
    const sizes = new ResizeObserver(() => made.resize())
    sizes.observe(box.current!)
    return () => { sizes.disconnect(); made.dispose() }
  }, [])
  useEffect(() => { chart.current!.setOption(option(props), { notMerge: true }) }, [props, dark])
  return <div ref={box} role="img" aria-label={props.alt} className="h-28 w-full" />
}
