import { createRequire } from 'node:module'
import type { DataFrame, FieldConfigPropertyItem, FieldConfigSource, GrafanaTheme2 } from '@grafana/data'
import { of } from 'rxjs'
import { withTimeLimit } from '../system/time-limit.ts'
import type { FieldConfig, Transformation } from './dashboard-model.ts'

/** Grafana's own meaning of units, thresholds, mappings, overrides and transformations. */
export type GrafanaData = typeof import('@grafana/data')

/** Settings of a field that every kind of panel knows, by the ids of overrides; `custom.…` are the kind's own. */
const STANDARD = [
  ...['unit', 'decimals', 'min', 'max', 'fieldMinMax', 'displayName', 'noValue', 'mappings', 'thresholds'],
  ...['color', 'links', 'filterable', 'description'],
] as const

/** Kinds whose numbers Grafana colours by thresholds where nothing is said; others take the next colour of a palette. */
const BY_THRESHOLDS = ['stat', 'gauge', 'bargauge', 'table', 'singlestat']

let loaded: GrafanaData | undefined
let theme: GrafanaTheme2 | undefined

/**
 * @grafana/data, loaded when it is first asked for: that takes half a second. By `require`, since its ECMAScript modules
 * import names from CommonJS that Node.js does not find.
 */
export function grafanaData(): GrafanaData {
  // Node.js 20 has none, newer ones have; the library asks it for the language of times.
  if (!('navigator' in globalThis)) {
    const value = { userAgent: `Node.js/${process.versions.node}`, language: 'en-US', languages: ['en-US'] }
    Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true })
  }
  loaded ??= createRequire(import.meta.url)('@grafana/data') as GrafanaData
  return loaded
}

/** Grafana's dark theme: only its palette is used, whose colours are the same in the light one. */
export function grafanaTheme(): GrafanaTheme2 {
  theme ??= grafanaData().createTheme({ colors: { mode: 'dark' } })
  return theme
}

/**
 * Frames after a panel's transformations, each by Grafana's own operator, which may take so long. One that the library doesn't have is left out, and
 * named in `unknown`.
 */
export async function transformed(
  frames: DataFrame[],
  transformations: readonly Transformation[],
  { interpolate, limitMs }: { interpolate: (text: string) => string; limitMs: number },
): Promise<{ frames: DataFrame[]; unknown: string[] }> {
  const known = Object.values(grafanaData().standardTransformers)
  const unknown: string[] = []
  let current = frames
  for (const { id, options, disabled } of transformations) {
    if (disabled) continue
    const transformer = known.find(each => each.id === id)
    if (transformer === undefined) {
      unknown.push(id)
      continue
    }
    const { operator, defaultOptions } = transformer
    const given = { ...(defaultOptions as Record<string, unknown> | undefined), ...options }
    const frames = current
    current = await new Promise<DataFrame[]>((resolve, reject) => {
      let last: DataFrame[] = []
      const next = (each: DataFrame[]) => {
        last = each
      }
      const start = () => {
        const source = of(frames).pipe(operator(given, { interpolate }))
        source.subscribe({ next, error: reject, complete: () => resolve(last) })
      }
      withTimeLimit(start, { what: `the transformation ${id}`, limitMs })
    })
  }
  return { frames: current, unknown }
}

/** Frames whose fields have their settings and say how their values are written (`field.display`). */
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

/** The settings as @grafana/data takes them, with what Grafana assumes where nothing is said. */
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

/** JSON has no -Infinity, so a file's first step is null. */
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
