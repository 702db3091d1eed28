import type { DataFrame } from '@grafana/data'
import type { EChartsCoreOption } from 'echarts/core'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { grafanaData, grafanaTheme } from '../../grafana/grafana-data.ts'
import { fields, items, text } from '../../kube/json.ts'
import { formatOf, shownNumbers } from './data-frames.ts'
import { BASE, FONT, timeBase, valueAxis } from './echarts-option.ts'
import { drawnColor } from './html.ts'
import type { DrawnTimeseries } from './timeseries-panel.ts'
import type { DrawnValue } from './value-panel.ts'

/** The panel types whose chart has a row for each series over time. */
export const CELLS: readonly string[] = ['heatmap', 'state-timeline', 'status-history']

/** The part of a chart with one color. */
interface Cell {
  row: number
  fromMs: number
  untilMs: number
  color: string
}

/** The color of Grafana's heatmaps, which is fainter for lower values. */
const HEAT = '255,120,10'

/** The ECharts option for a heatmap or a timeline of states; the rows are the series, the first at the top. */
export function cellsOption(
  panel: Panel,
  lines: DrawnTimeseries,
  range: { fromMs: number; untilMs: number },
): EChartsCoreOption {
  const cells = panel.type === 'heatmap' ? heatCells(lines) : stateCells(lines, panel)
  const renderItem: CustomSeriesRender = ({ coordSys }, api) => {
    const [left, top] = api.coord([Math.max(range.fromMs, api.value(0)), api.value(2)])
    const [right = 0] = api.coord([Math.min(range.untilMs, api.value(1)), api.value(2)])
    const height = (api.size([0, 1])[1] ?? 0) * (panel.type === 'heatmap' ? 1 : 0.8)
    const x = Math.max(left ?? 0, coordSys.x)
    const shape = { x, y: (top ?? 0) - height / 2, width: Math.max(0, right - x), height }
    return { type: 'rect', shape, style: { fill: cells[api.value(3)]?.color } }
  }
  return {
    ...timeBase(range),
    yAxis: {
      type: 'category',
      inverse: true,
      data: lines.series.map(({ name }) => name),
      axisLabel: { ...FONT, width: 140, overflow: 'truncate' },
      axisTick: { show: false },
    },
    series: [
      {
        type: 'custom',
        silent: true,
        clip: true,
        renderItem,
        encode: { x: [0, 1], y: 2 },
        data: cells.map(({ fromMs, untilMs, row }, at) => [fromMs, untilMs, row, at]),
      },
    ],
  }
}

/** What ECharts gives to the function that draws a part of a custom series. */
type CustomSeriesRender = (
  params: { coordSys: { x: number } },
  api: { value: (at: number) => number; coord: (at: number[]) => number[]; size: (of: number[]) => number[] },
) => unknown

/** The lines of a heatmap, the highest bucket first. Buckets of Prometheus (`le`) count those below them, too. */
export function heatLines(panel: Panel, lines: DrawnTimeseries): DrawnTimeseries {
  const bound = (name: string) => Number(name.replace('+Inf', 'Infinity'))
  if (lines.series.some(({ name }) => Number.isNaN(bound(name)))) return lines
  const sorted = [...lines.series].sort((a, b) => bound(a.name) - bound(b.name))
  const isCumulative = panel.targets.some(({ format }) => format === 'heatmap')
  const series = sorted.map((each, row) => {
    const below = sorted[row - 1]?.values
    if (!isCumulative || below === undefined) return each
    return { ...each, values: each.values.map((value, at) => value && Math.max(0, value - (below[at] ?? 0))) }
  })
  return { ...lines, series: series.reverse() }
}

function heatCells({ series, timesMs }: DrawnTimeseries): Cell[] {
  let most = 0
  for (const { values } of series) for (const value of values) most = Math.max(most, value ?? 0)
  const stepMs = stepOf(timesMs)
  return series.flatMap(({ values }, row) =>
    values.flatMap((value, at) => {
      const untilMs = timesMs[at] ?? 0
      if (value === null || value <= 0) return []
      return [{ row, fromMs: untilMs - stepMs, untilMs, color: `rgba(${HEAT},${(value / most) ** 0.5})` }]
    }),
  )
}

/** Equal states in a row are one cell. A state holds until the next point. */
function stateCells({ series, timesMs }: DrawnTimeseries, { fieldConfig, type }: Panel): Cell[] {
  const palette = grafanaTheme().visualization.palette
  const known = new Map<string, string>()
  const isPalette = text(fields(fieldConfig.defaults['color'])['mode'])?.startsWith('palette') === true
  const colorOf = (words: string, color: string | undefined) => {
    if (!isPalette && color !== undefined) return color
    const own =
      known.get(words) ?? grafanaTheme().visualization.getColorByName(palette[known.size % palette.length] ?? '')
    known.set(words, own)
    return own
  }
  const stepMs = stepOf(timesMs)
  return series.flatMap(({ values, format, colorOf: byValue }, row) => {
    const cells: (Cell & { words: string })[] = []
    values.forEach((value, at) => {
      if (value === null) return
      const [fromMs, words] = [timesMs[at] ?? 0, format(value)]
      const last = cells.at(-1)
      const isSame = type === 'state-timeline' && last?.words === words && fromMs - last.untilMs <= stepMs
      if (isSame) last.untilMs = fromMs + stepMs
      else cells.push({ row, fromMs, untilMs: fromMs + stepMs, color: colorOf(words, byValue(value)), words })
    })
    return cells
  })
}

/** The least distance of two times; a minute for a single one. */
function stepOf(timesMs: readonly number[]): number {
  const steps = timesMs.slice(1).map((timeMs, at) => timeMs - (timesMs[at] ?? 0))
  return steps.reduce((least, each) => Math.min(least, each), steps[0] ?? 60_000)
}

/** The ECharts option for a pie of values, or with a hole. */
export function pieOption({ options }: Panel, values: readonly DrawnValue[]): EChartsCoreOption {
  const inner = options['pieType'] === 'donut' ? '55%' : 0
  const data = values.map(({ value, color }) => ({ value: value ?? 0, itemStyle: { color: drawnColor(color) } }))
  return {
    animation: false,
    series: [{ type: 'pie', silent: true, radius: [inner, '92%'], label: { show: false }, data }],
  }
}

/** Bars in groups: the names of the groups, and the values of each series. */
export interface DrawnBars {
  names: readonly string[]
  series: readonly { name: string; color: string; values: readonly (number | null)[] }[]
  isHorizontal: boolean
  isStacked: boolean
  /** Formats a number in the unit of the first series. */
  format: (value: number) => string
}

/** The most groups of bars. */
const MAX_GROUPS = 60

/** The bars of a bar chart: a group for each row, named by the first text. Undefined where the data has no text or number. */
export function barsOf({ options }: Panel, frames: DataFrame[]): DrawnBars | undefined {
  const { FieldType, getFieldDisplayName, getFieldSeriesColor } = grafanaData()
  const frame = frames.find(each => each.fields.some(({ type }) => type === FieldType.number))
  const wanted = text(options['xField'])
  const ofNames =
    frame?.fields.find(field => wanted !== undefined && getFieldDisplayName(field, frame, frames) === wanted) ??
    frame?.fields.find(({ type }) => type === FieldType.string)
  if (frame === undefined || ofNames === undefined) return undefined
  const numbers = shownNumbers(frame)
  const stacking = text(options['stacking']) ?? 'none'
  return {
    names: ofNames.values.slice(0, MAX_GROUPS).map(String),
    series: numbers.map(field => ({
      name: getFieldDisplayName(field, frame, frames),
      color: getFieldSeriesColor(field, grafanaTheme()).color,
      values: field.values.slice(0, MAX_GROUPS).map((value: unknown) => (typeof value === 'number' ? value : null)),
    })),
    isHorizontal: options['orientation'] === 'horizontal',
    isStacked: stacking !== 'none',
    format: formatOf(numbers[0]),
  }
}

/** The bars of a histogram: a group for each bucket, named by its lower bound. Undefined without numbers. */
export function histogramOf({ options }: Panel, frames: DataFrame[]): DrawnBars | undefined {
  const { buildHistogram, getFieldDisplayName, getFieldSeriesColor, FieldType } = grafanaData()
  const [size, offset] = [options['bucketSize'], options['bucketOffset']].map(Number)
  const built = buildHistogram(frames, {
    ...(size === undefined || !(size > 0) ? {} : { bucketSize: size }),
    ...(offset === undefined || Number.isNaN(offset) ? {} : { bucketOffset: offset }),
    combine: options['combine'] === true,
  })
  if (built === null) return undefined
  const format = formatOf(frames.flatMap(frame => frame.fields).find(({ type }) => type === FieldType.number))
  return {
    names: built.xMin.values.map((value: number) => format(value)),
    series: built.counts.map(field => ({
      name: getFieldDisplayName(field),
      color: getFieldSeriesColor(field, grafanaTheme()).color,
      values: [...field.values],
    })),
    isHorizontal: false,
    isStacked: options['combine'] !== true,
    format: String,
  }
}

/** The ECharts option for bars. */
export function barsOption({ names, series, isHorizontal, isStacked, format }: DrawnBars): EChartsCoreOption {
  const category = {
    type: 'category',
    data: names,
    axisLabel: { ...FONT, hideOverlap: true },
    axisTick: { show: false },
  }
  const value = valueAxis(format)
  return {
    ...BASE,
    xAxis: isHorizontal ? value : category,
    yAxis: isHorizontal ? { ...category, inverse: true } : value,
    series: series.map(({ color, values }) => ({
      type: 'bar',
      silent: true,
      data: values,
      itemStyle: { color: drawnColor(color) },
      ...(isStacked ? { stack: 'all' } : {}),
    })),
  }
}

/** The most slices of a pie. */
export const MAX_SLICES = 30

/** The legend of a pie: its values and shares. */
export function pieShares(values: readonly DrawnValue[]): string[] {
  const sum = values.reduce((all, { value }) => all + (value ?? 0), 0)
  return values.map(({ value }) => (sum === 0 ? '' : `${Math.round((100 * (value ?? 0)) / sum)}%`))
}

/** Whether a pie's legend shows shares. */
export function hasShares({ options }: Panel): boolean {
  const legend = items(fields(options['legend'])['values'])
  return legend.length === 0 || legend.includes('percent')
}
