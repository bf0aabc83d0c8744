import { LineChart as Line, ScatterChart } from 'echarts/charts'
import { AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { plain } from '../logic/shown'
import { look, useChart } from './useChart'

use([Line, ScatterChart, AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])

export interface Lines {
  alt: string
  series: { name: string; points: [string, number | null][]; isStrong?: boolean }[]
  marks?: { name: string; points: [string, number, string][] }
  max?: number
}

const COLOURS = { light: ['#274a86', '#2a6549', '#65488a', '#a5301f', '#3d7a8c', '#7a6a5a'], dark: ['#a3bdf2', '#90d0b0', '#c9b0ee', '#f3a08f', '#8fd0e0', '#c9bba8'] }
const DASHES = ['solid', 'dashed', 'dotted', [8, 3, 2, 3], [3, 3], [12, 4]]

function option({ series, marks, max }: Lines, width: number) {
  const { colour, text, tooltip, isDark } = look()
  const few = Math.max(...series.map((each) => each.points.length)) < 30
  return {
    animation: false,
    color: isDark ? COLOURS.dark : COLOURS.light,
    textStyle: text,
    aria: { enabled: false },
    grid: { left: 8, right: 16, top: series.length > 3 && width < 640 ? 62 : series.length > 1 || marks ? 40 : 16, bottom: 8, containLabel: true },
    legend: series.length > 1 || marks ? { type: 'plain', top: 0, left: 0, textStyle: { ...text, color: colour('ink') }, itemWidth: 22 } : undefined,
    tooltip: { ...tooltip, valueFormatter: (value: number | null) => (value == null ? '–' : plain(Number(value))) },
    dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false }],
    xAxis: { type: 'time', axisLine: { lineStyle: { color: colour('line') } }, axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: 'value', scale: true, max, splitNumber: 4, axisLabel: { ...text, formatter: plain, hideOverlap: true }, splitLine: { lineStyle: { color: colour('line') } } },
    series: [
      ...series.map((each, i) => ({
        type: 'line', name: each.name, data: each.points, showSymbol: few, symbolSize: each.isStrong ? 7 : 5, connectNulls: false,
        lineStyle: { width: each.isStrong ? 2.6 : 1.4, type: DASHES[i % DASHES.length] },
      })),
      ...(marks ? [{
        type: 'scatter', name: marks.name, data: marks.points, symbol: 'triangle', symbolSize: 13,
        itemStyle: { opacity: 1, color: colour('alarm'), borderColor: colour('sheet'), borderWidth: 1 }, z: 5,
      }] : []),
    ],
  }
}

export default function LineChart(props: Lines) {
  return <div ref={useChart(props, option)} role="img" aria-label={props.alt} className="h-72 w-full" />
}
