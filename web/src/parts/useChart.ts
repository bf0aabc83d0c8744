import { init, type EChartsType } from 'echarts/core'
import { useEffect, useRef } from 'react'
import { isDark, useIsDark } from './theme'

/** The colours and letters of the page. */
export function look() {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const text = { color: colour('soft'), fontFamily: 'system-ui, sans-serif', fontSize: 12 }
  const tooltip = {
    trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: colour('sheet'), borderColor: colour('line'),
    textStyle: { ...text, color: colour('ink') },
  }
  return { colour, text, tooltip, isDark: isDark() }
}

/** A box with a chart in it, which is drawn again when the box, what it shows or the theme changes. */
export function useChart<T>(shown: T, option: (shown: T, width: number) => Record<string, unknown>) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType>(undefined)
  const dark = useIsDark()
  useEffect(() => {
    const made = (chart.current = init(box.current!))
    const sizes = new ResizeObserver(() => made.resize())
    sizes.observe(box.current!)
    return () => { sizes.disconnect(); made.dispose() }
  }, [])
  useEffect(() => { chart.current!.setOption(option(shown, chart.current!.getWidth()), { notMerge: true }) }, [shown, dark, option])
  return box
}
