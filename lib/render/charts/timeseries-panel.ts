import type { DataFrame, Field } from '@grafana/data'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { grafanaData, grafanaTheme } from '../../grafana/grafana-data.ts'
import { fields, items, text } from '../../kube/json.ts'
import { formatOf, shownNumbers } from './data-frames.ts'

/** The panel types with lines. */
export const LINES: readonly string[] = ['timeseries', 'graph']
/** The maximum number of lines in a panel. */
const MAX_SERIES = 30

/** A drawn time series panel with its legend. */
export interface DrawnTimeseries {
  /** The times of all lines (epoch milliseconds), in order. */
  timesMs: readonly number[]
  series: readonly DrawnSeries[]
  /** The number of all series; the highest are drawn. */
  seriesCount: number
  /** The names of the columns of the legend: `Last *`, `Max`. */
  calcs: readonly string[]
  hasLegend: boolean
  thresholds: readonly DrawnThreshold[]
  least: number | undefined
  most: number | undefined
  /** Formats a number in the panel's unit. */
  format: (value: number) => string
}

export interface DrawnSeries {
  name: string
  color: string
  /** One value per time, or null. */
  values: readonly (number | null)[]
  isStacked: boolean
  isDashed: boolean
  isBars: boolean
  /** 0 to 1. */
  fill: number
  calcs: readonly string[]
  /** Formats a number in the unit of this series. */
  format: (value: number) => string
  /** The color of a number by mappings and thresholds. */
  colorOf: (value: number) => string | undefined
}

/** A threshold that the panel shows as a line. */
export interface DrawnThreshold {
  value: number
  /** The value in the panel's unit. */
  name: string
  color: string
  isDashed: boolean
}

/**
 * The highest lines of a panel's frames, in their order. `omitted` is the number of series that the frames do not
 * have.
 */
export function timeseriesOf(panel: Panel, frames: DataFrame[], omitted = 0): DrawnTimeseries {
  const { FieldType, getFieldDisplayName, fieldReducers } = grafanaData()
  const all = frames.flatMap(frame => {
    const time = frame.fields.find(({ type }) => type === FieldType.time)
    if (time === undefined) return []
    return shownNumbers(frame).map(field => ({ frame, time, field }))
  })
  const kept = highest(all, ({ field }) => topOf(field))
  const timesMs = [...new Set(kept.flatMap(({ time }) => time.values.map(Number)))].sort((a, b) => a - b)
  const legend = fields(panel.options['legend'])
  const calcs = items(legend['calcs']).filter(each => typeof each === 'string')
  const first = kept[0]?.field
  const format = formatOf(first)
  return {
    timesMs,
    series: kept.map(({ frame, time, field }) => ({
      ...seriesStyle(field),
      name: getFieldDisplayName(field, frame, frames),
      values: valuesAt(timesMs, time, field),
      calcs: calcs.map(calc => reduced(field, calc)),
      format: formatOf(field),
      colorOf: value => field.display?.(value).color,
    })),
    seriesCount: all.length + omitted,
    calcs: calcs.map(calc => fieldReducers.getIfExists(calc)?.name ?? calc),
    hasLegend: legend['showLegend'] !== false,
    thresholds: first === undefined ? [] : thresholdsOf(first).map(each => ({ ...each, name: format(each.value) })),
    least: first?.config.min ?? undefined,
    most: first?.config.max ?? undefined,
    format,
  }
}

function seriesStyle(field: Field): Omit<DrawnSeries, 'name' | 'values' | 'calcs' | 'format' | 'colorOf'> {
  const custom = fields(field.config.custom)
  const stacking = text(fields(custom['stacking'])['mode']) ?? 'none'
  return {
    color: grafanaData().getFieldSeriesColor(field, grafanaTheme()).color,
    isStacked: stacking !== 'none',
    isDashed: ['dash', 'dot'].includes(text(fields(custom['lineStyle'])['fill']) ?? ''),
    isBars: custom['drawStyle'] === 'bars',
    fill: Number(custom['fillOpacity'] ?? 0) / 100,
  }
}

/** The thresholds of a field if the panel shows them (`thresholdsStyle`). Areas are shown by their lower line. */
function thresholdsOf({ config }: Field): Omit<DrawnThreshold, 'name'>[] {
  const mode = text(fields(fields(config.custom)['thresholdsStyle'])['mode']) ?? 'off'
  const { thresholds, min, max } = config
  if (mode === 'off' || thresholds === undefined) return []
  const isPercent = thresholds.mode === grafanaData().ThresholdsMode.Percentage
  // A percentage needs both bounds.
  if (isPercent && (typeof min !== 'number' || typeof max !== 'number')) return []
  const levelOf = (value: number) => (isPercent ? (min ?? 0) + (((max ?? 0) - (min ?? 0)) * value) / 100 : value)
  return thresholds.steps
    .filter(({ value }) => Number.isFinite(value))
    .map(({ value, color }) => ({
      value: levelOf(value),
      color: grafanaTheme().visualization.getColorByName(color),
      isDashed: mode.startsWith('dashed'),
    }))
}

function reduced(field: Field, calc: string): string {
  const value: unknown = grafanaData().reduceField({ field, reducers: [calc] })[calc]
  if (typeof value !== 'number') return value == null ? '' : String(value)
  return formatOf(field)(value)
}

/** The highest `MAX_SERIES` in their order. */
export function highest<T>(all: readonly T[], topOfEach: (each: T) => number): readonly T[] {
  if (all.length <= MAX_SERIES) return all
  const ranked = all
    .map((each, at) => ({ each, at, top: topOfEach(each) }))
    .sort((a, b) => b.top - a.top)
    .slice(0, MAX_SERIES)
  return ranked.sort((a, b) => a.at - b.at).map(({ each }) => each)
}

function topOf({ values }: Field): number {
  let top = Number.NEGATIVE_INFINITY
  for (const value of values) if (typeof value === 'number' && value > top) top = value
  return top
}

function valuesAt(timesMs: readonly number[], time: Field, field: Field): (number | null)[] {
  const known = new Map<number, unknown>(time.values.map((timeMs: unknown, at) => [Number(timeMs), field.values[at]]))
  return timesMs.map(timeMs => {
    const value = known.get(timeMs)
    return typeof value === 'number' && Number.isFinite(value) ? value : null
  })
}
