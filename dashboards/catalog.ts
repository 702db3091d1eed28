import { join } from 'node:path'
import { array, object, parse, picklist, record, string, tuple } from 'valibot'
import type { CatalogMetric } from '../lib/checks/lint/metric-catalog.ts'
import { readYamlDocuments } from '../lib/system/yaml-files.ts'

const catalogFile = object({
  labels: record(string(), array(string())),
  sources: record(
    string(),
    array(
      object({
        labels: array(string()),
        metrics: record(string(), tuple([picklist(['counter', 'gauge', 'histogram', 'summary']), string()])),
      }),
    ),
  ),
})

/** The metrics that queries can use (`metric-catalog.yaml`). Throws an Error for an unknown list of labels. */
export function metricCatalog(): CatalogMetric[] {
  const [file] = readYamlDocuments(join(import.meta.dirname, 'metric-catalog.yaml'))
  const { labels: lists, sources } = parse(catalogFile, file)
  const listed = (label: string): string[] => {
    if (!label.startsWith('$')) return [label]
    const list = lists[label.slice(1)]
    if (list === undefined) throw new Error(`The metric catalog has no list of labels ${label}`)
    return list.flatMap(listed)
  }
  return Object.entries(sources).flatMap(([source, groups]) =>
    groups.flatMap(group => {
      const labels = group.labels.flatMap(listed)
      return Object.entries(group.metrics).map(([name, [type, unit]]) => ({ name, type, unit, labels, source }))
    }),
  )
}

/** Optional sources: traced applications, and metrics that KWOK serves. */
export const optionalSources: readonly string[] = ['span_metrics', 'kwok-metrics']
