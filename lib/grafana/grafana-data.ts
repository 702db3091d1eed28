import { createRequire } from 'node:module'
import type { DataFrame, FieldConfigPropertyItem, FieldConfigSource, FieldType, GrafanaTheme2 } from '@grafana/data'
import { fields, text } from '../kube/json.ts'
import { withTimeLimit } from '../system/time-limit.ts'
import { withConsoleLines } from './console-lines.ts'
import type { FieldConfig, Transformation } from './dashboard-model.ts'

/** Grafana's implementation of units, thresholds, mappings, overrides and transformations. */
export type GrafanaData = typeof import('@grafana/data')

/** Field settings of all panel types, by the ids of overrides; `custom.…` are those of one type. */
const STANDARD = [
  'unit',
  'decimals',
  'min',
  'max',
  'fieldMinMax',
  'displayName',
  'noValue',
  'mappings',
  'thresholds',
  'color',
  'links',
  'filterable',
  'description',
] as const

/** Panel types that Grafana colors by thresholds by default; others use a palette. */
const BY_THRESHOLDS = ['stat', 'gauge', 'bargauge', 'table', 'singlestat', 'state-timeline', 'status-history']

const load = createRequire(import.meta.url)
let loaded: GrafanaData | undefined
let theme: GrafanaTheme2 | undefined

/**
 * Loads @grafana/data on first use, which takes half a second. By `require`, since its ECMAScript modules import
 * names from CommonJS that Node.js does not find.
 */
export function grafanaData(): GrafanaData {
  // Node.js 20 has no `navigator`; the library reads the language of times from it.
  if (!('navigator' in globalThis)) {
    const value = { userAgent: `Node.js/${process.versions.node}`, language: 'en-US', languages: ['en-US'] }
    Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true })
  }
  loaded ??= load('@grafana/data') as GrafanaData
  return loaded
}

/** Grafana's dark theme, for its palette, which is the same in the light one. */
export function grafanaTheme(): GrafanaTheme2 {
  theme ??= grafanaData().createTheme({ colors: { mode: 'dark' } })
  return theme
}

/**
 * Applies a panel's transformations to frames by Grafana's own operators, each within a time limit. Omits
 * transformations that the library does not have, and lists them in `unknown`. Adds what the library logs to `logged`.
 */
export async function transformed(
  frames: DataFrame[],
  transformations: readonly Transformation[],
  {
    interpolate,
    limitMs,
    logged = new Set(),
  }: { interpolate: (text: string) => string; limitMs: number; logged?: Set<string> },
): Promise<{ frames: DataFrame[]; unknown: string[] }> {
  const { lastValueFrom, of } = load('rxjs') as typeof import('rxjs')
  const known = Object.values(grafanaData().standardTransformers)
  const unknown: string[] = []
  let current = frames
  for (const { id, options, disabled } of transformations) {
    if (disabled) continue
    if (id === 'timeSeriesTable') {
      current = trendTables(current, options)
      continue
    }
    const transformer = known.find(each => each.id === id)
    if (transformer === undefined) {
      unknown.push(id)
      continue
    }
    const { operator, defaultOptions } = transformer
    const given = { ...(defaultOptions as Record<string, unknown> | undefined), ...options }
    const source = of(current).pipe(operator(given, { interpolate }))
    const start = () => lastValueFrom(source, { defaultValue: [] })
    current = await withConsoleLines(logged, () => withTimeLimit(start, { what: `the transformation ${id}`, limitMs }))
  }
  return { frames: current, unknown }
}

/**
 * The transformation `timeSeriesTable`, which the library does not have: a table for each query, with a row for each series. In place of
 * a sparkline, it has the number beside it: the last value, or what `stat` names.
 */
function trendTables(frames: DataFrame[], options: Transformation['options']): DataFrame[] {
  const { FieldType, reduceField } = grafanaData()
  const isSeries = (frame: DataFrame) => frame.fields.some(({ type }) => type === FieldType.time)
  const queries = new Set(frames.filter(isSeries).map(({ refId }) => refId))
  const tables = [...queries].map(refId => {
    const series = frames.filter(each => each.refId === refId && isSeries(each))
    const numbers = series.flatMap(frame => frame.fields.filter(({ type }) => type === FieldType.number))
    const names = new Set(numbers.flatMap(({ labels }) => Object.keys(labels ?? {})))
    const stat = text(fields(fields(options)[refId ?? ''])['stat']) ?? 'lastNotNull'
    const column = (name: string, type: FieldType, values: unknown[]) => ({ name, type, config: {}, values })
    const columns = [
      ...[...names].map(name =>
        column(
          name,
          FieldType.string,
          numbers.map(({ labels }) => labels?.[name] ?? ''),
        ),
      ),
      column(
        `Trend #${refId}`,
        FieldType.number,
        numbers.map(field => reduceField({ field, reducers: [stat] })[stat]),
      ),
    ]
    return { ...(refId === undefined ? {} : { refId }), fields: columns, length: numbers.length }
  })
  return [...tables, ...frames.filter(frame => !isSeries(frame))]
}

/** Applies a panel's field config to frames, so that fields can format their values (`field.display`). */
export function withFieldConfig(frames: DataFrame[], kind: string, config: FieldConfig): DataFrame[] {
  const { applyFieldOverrides, FieldConfigOptionsRegistry } = grafanaData()
  const custom = new Set([
    ...Object.keys((config.defaults['custom'] ?? {}) as object).map(name => `custom.${name}`),
    ...config.overrides.flatMap(({ properties }) => Object.keys(properties).filter(id => id.startsWith('custom.'))),
  ])
  const fieldConfigRegistry = new FieldConfigOptionsRegistry(() => [...STANDARD, ...custom].map(property))
  return applyFieldOverrides({
    data: frames,
    fieldConfig: fieldConfigSource(kind, config),
    fieldConfigRegistry,
    replaceVariables: text => text,
    theme: grafanaTheme(),
    timeZone: 'utc',
  })
}

/** The field config for @grafana/data, with Grafana's defaults. */
export function fieldConfigSource(kind: string, { defaults, overrides }: FieldConfig): FieldConfigSource {
  const mode = BY_THRESHOLDS.includes(kind) ? 'thresholds' : 'palette-classic'
  const steps = [
    { value: null, color: 'green' },
    { value: 80, color: 'red' },
  ]
  const assumed = { color: { mode }, thresholds: { mode: 'absolute', steps }, mappings: [] }
  const read = { ...assumed, ...defaults }
  return {
    defaults: { ...read, thresholds: withBase(read.thresholds) } as FieldConfigSource['defaults'],
    overrides: overrides.map(({ matcher, properties }) => ({
      matcher,
      properties: Object.entries(properties).map(([id, value]) => ({
        id,
        value: id === 'thresholds' ? withBase(value) : value,
      })),
    })),
  }
}

/** JSON has no -Infinity, so the first step is null in a file. */
function withBase(thresholds: unknown): unknown {
  const { steps } = (thresholds ?? {}) as { steps?: unknown }
  if (!Array.isArray(steps)) return thresholds
  return {
    ...(thresholds as object),
    steps: steps.map((step, at) => (at === 0 ? { ...step, value: Number.NEGATIVE_INFINITY } : step)),
  }
}

function property(id: string): FieldConfigPropertyItem {
  const isCustom = id.startsWith('custom.')
  return {
    id,
    isCustom,
    path: isCustom ? id.slice('custom.'.length) : id,
    name: id,
    editor: () => null,
    override: () => null,
    process: (value: unknown) => value,
    shouldApply: () => true,
  }
}
