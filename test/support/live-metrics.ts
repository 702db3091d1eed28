import { array, object, parse, record, string } from 'valibot'
import { seriesNames } from '../../lib/checks/lint/lab-metrics.ts'
import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { createPrometheusApi, type PrometheusApi } from '../../lib/prometheus/prometheus-client.ts'

/** Labels of the series of histograms and summaries that the metric itself does not have. */
const partLabels = ['__name__', 'le', 'quantile']

/** The answer of `/api/v1/metadata`. */
const Metadata = object({ data: record(string(), array(object({ type: string() }))) })

/** The metrics of a Prometheus, in the terms of a catalog. */
export interface LiveMetrics {
  /** The labels of current series, by name. */
  labels: ReadonlyMap<string, ReadonlySet<string>>
  /** The types in Prometheus' metadata, by metric: `counter`, `gauge`, `histogram`, `summary`, …. */
  types: ReadonlyMap<string, string>
  /** The names that a catalog must have completely. */
  complete: readonly string[]
}

/**
 * Reads the metrics of a catalog from a Prometheus, and the names of all series that the selectors match
 * (`{job="x"}`), which the catalog must have.
 *
 * Throws a LabError when Prometheus can't be queried.
 */
export async function liveMetrics(
  url: string,
  catalog: readonly CatalogMetric[],
  selectors: readonly string[],
): Promise<LiveMetrics> {
  const api = createPrometheusApi(url, { maxAtOnce: 1 })
  const labels = new Map<string, Set<string>>()
  // One after the other, to keep the load on the lab low.
  for (const name of new Set(catalog.flatMap(seriesNames))) {
    const found = await labelsNow(api, name)
    if (found !== undefined) labels.set(name, found)
  }
  const types = new Map<string, string>()
  const answer = await fetch(`${url}/api/v1/metadata`, { signal: AbortSignal.timeout(30_000) })
  const { data } = parse(Metadata, await answer.json())
  for (const [name, [first]] of Object.entries(data)) types.set(name, first?.type ?? '')
  const complete: string[] = []
  for (const selector of selectors) {
    const samples = await api.instant(`group by (__name__) (${selector})`, Date.now())
    complete.push(...samples.map(sample => sample.labels['__name__'] ?? '').sort())
  }
  return { labels, types, complete }
}

/**
 * The labels of a name's series; undefined without series. Prometheus lists the labels of its newest block, with
 * those of series hours old, so each is queried as of now.
 */
async function labelsNow(api: PrometheusApi, name: string): Promise<Set<string> | undefined> {
  const selector = `__name__=${JSON.stringify(name)}`
  const untilMs = Date.now()
  const listed = await api.labelNames(`{${selector}}`, { fromMs: 0, untilMs })
  const there = `label_replace(group({${selector}}), "label", "__name__", "", "")`
  const each = listed
    .filter(label => !partLabels.includes(label))
    .map(
      label =>
        `label_replace(group({${selector}, ${JSON.stringify(label)}!=""}), "label", ${JSON.stringify(label)}, "", "")`,
    )
  const samples = await api.instant([there, ...each].join(' or '), untilMs)
  if (samples.length === 0) return undefined
  return new Set(samples.map(sample => sample.labels['label'] ?? '').filter(label => !partLabels.includes(label)))
}

/**
 * The differences between a catalog and a Prometheus in both directions, one line each: metrics, labels and types.
 * `rare` are metrics, and labels as `metric{label}` or `{label}`, that a healthy lab may not have at a given time.
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
  // Several sources can have a metric.
  const byName = new Map<string, CatalogMetric>()
  for (const metric of catalog) {
    const others = byName.get(metric.name)?.labels ?? []
    byName.set(metric.name, { ...metric, labels: [...new Set([...others, ...metric.labels])] })
  }
  return [
    ...[...byName.values()].flatMap(metric => metricDifferences(metric, { labels, types, rare })),
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
  // Some programs declare a counter as a gauge, so the type in Prometheus counts only the other way.
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
