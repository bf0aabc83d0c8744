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
  band?: { name: string; low: string; high: string; points: [string, number | null, number | null][] } // names of the tint and of its sides
  max?: number
}

const COLOURS = { light: ['#274a86', '#2a6549', '#65488a', '#a5301f', '#3d7a8c', '#7a6a5a'], dark: ['#a3bdf2', '#90d0b0', '#c9b0ee', '#f3a08f', '#8fd0e0', '#c9bba8'] }
const DASHES = ['solid', 'dashed', 'dotted', [8, 3, 2, 3], [3, 3], [12, 4]]

const LEGEND_LINE = 23 // pixels

/** Lines that a legend of these names takes: it wraps, and the chart begins below it. */
function linesOf(names: string[], width: number) {
  let [lines, used] = [1, 0]
  for (const name of names) {
    const wide = 46 + 6.6 * name.length
    ;[lines, used] = used && used + wide > width - 16 ? [lines + 1, wide] : [lines, used + wide]
  }
  return lines
}

function option({ series, marks, band, max }: Lines, width: number) {
  const { colour, text, tooltip, isDark } = look()
  const palette = isDark ? COLOURS.dark : COLOURS.light
  const names = [...series.map((each) => each.name), ...(marks ? [marks.name] : []), ...(band ? [{ name: band.name, icon: 'rect' }] : [])]
  const few = Math.max(...series.map((each) => each.points.length)) < 30
  return {
    animation: false,
    color: palette,
    textStyle: text,
    aria: { enabled: false },
    grid: { left: 8, right: 16, top: names.length > 1 ? 17 + LEGEND_LINE * linesOf(names.map((each) => typeof each === 'string' ? each : each.name), width) : 16, bottom: 8, containLabel: true },
    legend: names.length > 1 ? { type: 'plain', data: names, top: 0, left: 0, textStyle: { ...text, color: colour('ink') }, itemWidth: 22 } : undefined,
    tooltip: { ...tooltip, valueFormatter: (value: number | null) => (value == null ? '–' : plain(Number(value))) },
    dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false }],
    xAxis: { type: 'time', axisLine: { lineStyle: { color: colour('line') } }, axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: 'value', scale: true, max, splitNumber: 4, axisLabel: { ...text, formatter: plain, hideOverlap: true }, splitLine: { lineStyle: { color: colour('line') } } },
    series: [
      ...(band ? sides(band, colour('soft')) : []),
      ...series.map((each, i) => ({
        type: 'line', name: each.name, data: each.points, showSymbol: few, symbolSize: each.isStrong ? 7 : 5, connectNulls: false,
        color: palette[i % palette.length], lineStyle: { width: each.isStrong ? 2.6 : 1.4, type: DASHES[i % DASHES.length] },
      })),
      ...(marks ? [{
        type: 'scatter', name: marks.name, data: marks.points, symbol: 'triangle', symbolSize: 13,
        itemStyle: { opacity: 1, color: colour('alarm'), borderColor: colour('sheet'), borderWidth: 1 }, z: 5,
      }] : []),
    ],
  }
}

/** Two thin lines, and a tint between them: what is stacked on the lower one is how far the upper one is above it. */
function sides({ name, low, high, points }: NonNullable<Lines['band']>, color: string) {
  const side = { type: 'line', symbol: 'none', connectNulls: false, silent: true, color, lineStyle: { width: 1, type: 'dotted' } }
  const stack = { stack: 'band', stackStrategy: 'all' }
  return [
    { ...side, ...stack, name: low, data: points.map(([at, from]) => [at, from]) },
    {
      ...side, ...stack, name, data: points.map(([at, from, to]) => [at, from === null || to === null ? null : to - from]),
      lineStyle: { opacity: 0 }, itemStyle: { opacity: 0.3 }, areaStyle: { color, opacity: 0.14 }, tooltip: { show: false },
    },
    { ...side, name: high, data: points.map(([at, , to]) => [at, to]) },
  ]
}

export default function LineChart(props: Lines) {
  return <div ref={useChart(props, option)} role="img" aria-label={props.alt} className="h-72 w-full" />
}
