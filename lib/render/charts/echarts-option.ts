import { createRequire } from 'node:module'
import type { ECharts, EChartsCoreOption } from 'echarts/core'
import { fields } from '../../kube/json.ts'
import type { ChartMark } from './chart-marks.ts'
import { drawnColor } from './html.ts'
import type { DrawnTimeseries } from './timeseries-panel.ts'

/** The width of a chart's panel: a third of the page or less, about half, or nearly all. */
export type ChartSize = 'narrow' | 'half' | 'wide'

/** Draws a chart as SVG text. */
export type DrawChart = (option: EChartsCoreOption, size?: ChartSize) => string

/** The size of a chart; the page scales it with its text. */
const CHART_WIDTHS = { narrow: 400, half: 640, wide: 1_240 } as const
const CHART_HEIGHT = 220
/** The ends of the value axis, about: below is the axis of times. */
const [PLOT_TOP, PLOT_BOTTOM] = [12, 196]
export const FONT = { color: 'currentColor', fontSize: 12, fontFamily: 'inherit' }
/** Grid lines: the color of the text, faint. */
const FAINT = { color: 'currentColor', opacity: 0.16 }

/**
 * Loads ECharts. By `require`, which reads one file: its ECMAScript modules are about a hundred files and take seven
 * times as long.
 */
export function loadCharts(): DrawChart {
  const { init } = createRequire(import.meta.url)('echarts') as typeof import('echarts')
  let drawn = 0
  return (option, size = 'half') => {
    const chart = init(null, null, {
      renderer: 'svg',
      ssr: true,
      width: CHART_WIDTHS[size],
      height: CHART_HEIGHT,
    })
    try {
      chart.setOption(option)
      return standalone(chart.renderToSVGString({ useViewBox: true }), `c${drawn++}-`, plotOf(chart, option))
    } finally {
      // A chart that is not disposed keeps a timer, and so the process.
      chart.dispose()
    }
  }
}

/**
 * Where a chart over time has its values, for the script of a page: the left and right end of its time range in the
 * units of its view box, and the values at PLOT_TOP and PLOT_BOTTOM, linear between them. Empty for other charts.
 */
function plotOf(chart: ECharts, { xAxis, yAxis }: EChartsCoreOption): string {
  const { type, min, max } = fields(xAxis)
  if (type !== 'time') return ''
  const ends = [min, max].map(timeMs => chart.convertToPixel({ xAxisIndex: 0 }, Number(timeMs)))
  // Rows of categories have no values between them.
  const isValue = fields(yAxis)['type'] === 'value'
  const values = [PLOT_TOP, PLOT_BOTTOM].map(y => (isValue ? chart.convertFromPixel({ yAxisIndex: 0 }, y) : Number.NaN))
  return ` data-plot="${[...ends.map(x => Math.round(x)), PLOT_TOP, PLOT_BOTTOM, ...values].join(' ')}"`
}

/**
 * The ECharts option for lines over time. Text and grid have the color of the page, so that one picture fits light
 * and dark. It has no names of series.
 */
export function chartOption(
  drawn: DrawnTimeseries,
  range: { fromMs: number; untilMs: number },
  marks: readonly ChartMark[] = [],
): EChartsCoreOption {
  return {
    ...timeBase(range),
    yAxis: {
      ...valueAxis(drawn.format),
      scale: drawn.least === undefined,
      ...(drawn.least === undefined ? {} : { min: drawn.least }),
      ...(drawn.most === undefined ? {} : { max: drawn.most }),
    },
    series: drawn.series.map((each, at) => {
      const color = drawnColor(each.color)
      return {
        type: each.isBars ? 'bar' : 'line',
        silent: true,
        emphasis: { disabled: true },
        showSymbol: drawn.timesMs.length === 1,
        connectNulls: false,
        ...(each.isStacked ? { stack: 'all' } : {}),
        dimensions: ['time', 'value'],
        data: pairs(drawn.timesMs, each.values),
        lineStyle: { width: 1.5, color, type: each.isDashed ? 'dashed' : 'solid' },
        itemStyle: { color },
        // Thresholds and marks belong to the chart, and are set on its first line.
        ...(at === 0 && drawn.thresholds.length + marks.length > 0 ? { markLine: markLines(drawn, marks) } : {}),
        ...(each.fill > 0 ? { areaStyle: { opacity: each.fill, color } } : {}),
      }
    }),
  }
}

/** What all charts with axes share: nothing moves, and the labels are inside the picture. */
export const BASE = {
  animation: false,
  grid: { left: 8, right: 14, top: PLOT_TOP, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
} as const

/** The axis of values. */
export function valueAxis(format: (value: number) => string) {
  return {
    type: 'value',
    splitNumber: 4,
    splitLine: { lineStyle: FAINT },
    axisLabel: { ...FONT, formatter: format },
  }
}

/** What charts over time share: the axis of times, in UTC. */
export function timeBase({ fromMs, untilMs }: { fromMs: number; untilMs: number }) {
  return {
    ...BASE,
    useUTC: true,
    xAxis: {
      type: 'time',
      min: fromMs,
      max: untilMs,
      splitNumber: 5,
      axisLabel: {
        ...FONT,
        hideOverlap: true,
        formatter: { day: '{d} {MMM}', hour: '{HH}:{mm}', minute: '{HH}:{mm}', second: '{HH}:{mm}:{ss}' },
      },
      axisLine: { lineStyle: { color: 'currentColor' } },
    },
  }
}

/** The colors of marks: those of Grafana's annotations and of its critical state. */
const MARK_COLORS = { scenario: '#8f5fd6', alert: '#e0503a' } as const

function markLines({ thresholds }: DrawnTimeseries, marks: readonly ChartMark[]) {
  const ofThresholds = thresholds.map(({ value, color, isDashed }) => {
    const type = isDashed ? 'dashed' : 'solid'
    return { yAxis: value, lineStyle: { color: drawnColor(color), width: 1, type } }
  })
  const ofMarks = marks.map(({ timeMs, kind }) => {
    return { xAxis: timeMs, lineStyle: { color: MARK_COLORS[kind], width: 1.5, type: 'dashed' } }
  })
  return {
    silent: true,
    symbol: 'none',
    label: { show: false },
    animation: false,
    data: [...ofThresholds, ...ofMarks],
  }
}

/** Time and value alternate. ECharts deeply copies an array of arrays, and takes this array as it is. */
function pairs(timesMs: readonly number[], values: readonly (number | null)[]): Float64Array {
  const flat = new Float64Array(2 * timesMs.length)
  for (const [at, timeMs] of timesMs.entries()) flat.set([timeMs, values[at] ?? Number.NaN], 2 * at)
  return flat
}

/**
 * Removes the size, rounds to tenths of a pixel, and hides the chart from screen readers, since the legend has the
 * numbers. Makes ids unique in a page: ECharts uses the same ones in each picture.
 */
function standalone(svg: string, idPrefix: string, plot: string): string {
  return (
    svg
      .replace(/\bzr\d+-/g, idPrefix)
      // Only inside tags: the text between them has the labels of the axes.
      .replace(/<[^>]*>/g, tag => tag.replace(/\d+\.\d{2,}/g, number => String(Number(Number(number).toFixed(1)))))
      .replace(/ pointer-events="visible"| ecmeta_[a-z_]+="[^"]*"/g, '')
      .replace(/^<svg width="[^"]*" height="[^"]*"/, `<svg aria-hidden="true" focusable="false"${plot}`)
  )
}
