import { LabError } from '../errors.ts'
import { fields, items, text } from '../kube/json.ts'
import type { CatalogMetric } from './catalog.ts'
import { seriesNames } from './known.ts'

/** How far back a series counts as being there. */
const RECENT_S = 300
/** Labels that a part of a histogram or summary has beside the metric's own. */
const partLabels = ['__name__', 'le', 'quantile']

/** What a Prometheus has, as a catalogue says it. */
export interface LiveMetrics {
  /** Every label on some series of the last five minutes, by the series' name. */
  labels: ReadonlyMap<string, ReadonlySet<string>>
  /** By metric: `counter`, `gauge`, `histogram`, `summary`, or what else Prometheus was told. */
  types: ReadonlyMap<string, string>
  /** The names of which a catalogue must have all. */
  complete: readonly string[]
}

/**
 * Asks a Prometheus what it has of the catalogue, and the names of everything that the selectors match (`{job="x"}`), of which
 * the catalogue should have all.
 *
 * Throws a LabError when Prometheus can't be asked.
 */
export async function liveMetrics(
  baseUrl: string,
  catalog: readonly CatalogMetric[],
  selectors: readonly string[],
): Promise<LiveMetrics> {
  const end = Math.floor(Date.now() / 1000)
  const recent = { start: String(end - RECENT_S), end: String(end) }
  const matching = (path: string, selector: string) => ask(baseUrl, path, { ...recent, 'match[]': selector })
  const labels = new Map<string, Set<string>>()
  // One after the other: a lab that is being measured has other things to do.
  for (const name of new Set(catalog.flatMap(seriesNames))) {
    const found = items(await matching('labels', `{__name__=${JSON.stringify(name)}}`)).map(String)
    if (found.length > 0) labels.set(name, new Set(found.filter(label => !partLabels.includes(label))))
  }
  const types = new Map<string, string>()
  for (const [name, entries] of Object.entries(fields(await ask(baseUrl, 'metadata', {})))) {
    types.set(name, text(fields(items(entries)[0])['type']) ?? '')
  }
  const complete: string[] = []
  for (const selector of selectors)
    complete.push(...items(await matching('label/__name__/values', selector)).map(String))
  return { labels, types, complete }
}

async function ask(baseUrl: string, path: string, parameters: Record<string, string>): Promise<unknown> {
  try {
    const answer = await fetch(`${baseUrl}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(30_000),
    })
    const { status, data, error } = fields(await answer.json())
    if (status !== 'success') throw new Error(text(error) ?? `status ${answer.status}`)
    return data
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LabError(`Cannot ask ${baseUrl} for its metrics`, { why, next: 'make kwok-status', cause: error })
  }
}

/**
 * Where a catalogue and a Prometheus differ, one line each: metrics, labels and types, in both directions. `rare` are metrics, and
 * labels as `metric{label}` or `{label}`, that a healthy lab need not have at any moment.
 */
export function catalogDifferences(
  catalog: readonly CatalogMetric[],
  { labels, types, complete }: LiveMetrics,
  rare: readonly string[] = [],
): string[] {
  const names = new Set(catalog.flatMap(seriesNames))
  const unknown = [...new Set(complete)].filter(
    name => !names.has(name) && !name.includes(':') && !/^ALERTS/.test(name),
  )
  return [
    ...catalog.flatMap(metric => metricDifferences(metric, { labels, types, rare })),
    ...unknown.map(name => `${name} is in Prometheus and not in the catalogue`),
  ]
}

function metricDifferences(
  metric: CatalogMetric,
  { labels, types, rare }: Pick<LiveMetrics, 'labels' | 'types'> & { rare: readonly string[] },
): string[] {
  const live = new Set(seriesNames(metric).flatMap(name => [...(labels.get(name) ?? [])]))
  const { name, type } = metric
  if (live.size === 0) return rare.includes(name) ? [] : [`${name} is in the catalogue and not in Prometheus`]
  const isRare = (label: string) => rare.includes(`${name}{${label}}`) || rare.includes(`{${label}}`)
  const liveType = types.get(name)
  // Some programs call a gauge what only grows, so Prometheus's word decides only the other way.
  const otherType =
    liveType !== undefined && liveType !== type && ['counter', 'histogram', 'summary'].includes(liveType)
  return [
    ...(otherType ? [`${name} is a ${liveType} in Prometheus and a ${type} in the catalogue`] : []),
    ...[...live]
      .filter(label => !metric.labels.includes(label))
      .map(label => `${name} has the label ${label} in Prometheus and not in the catalogue`),
    ...metric.labels
      .filter(label => !live.has(label) && !isRare(label))
      .map(label => `${name} has the label ${label} in the catalogue and on no series`),
  ]
}
