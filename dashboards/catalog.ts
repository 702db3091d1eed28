import { join } from 'node:path'
import { array, type InferOutput, object, optional, parse, picklist, record, string, tuple, union } from 'valibot'
import type { CatalogMetric, Dialect } from '../lib/checks/lint/metric-catalog.ts'
import { readYamlDocuments } from '../lib/system/yaml-files.ts'

const metricType = picklist(['counter', 'gauge', 'histogram', 'summary'])
const groupsBySource = record(
  string(),
  array(
    object({
      labels: array(string()),
      type: optional(metricType),
      unit: optional(string()),
      metrics: union([array(string()), record(string(), tuple([metricType, string()]))]),
    }),
  ),
)
const catalogFile = object({
  labels: record(string(), array(string())),
  otel: optional(groupsBySource, {}),
  prometheus: optional(groupsBySource, {}),
  sources: optional(groupsBySource, {}),
})
type CatalogFile = InferOutput<typeof catalogFile>

let catalog: readonly CatalogMetric[] | undefined

/** The metrics that queries can use, of both dialects. Throws an Error for an unknown list of labels. */
export function metricCatalog(): readonly CatalogMetric[] {
  catalog ??= readCatalog()
  return catalog
}

function readCatalog(): CatalogMetric[] {
  return ['metric-catalog.yaml', 'kube-prometheus-metrics.yaml'].flatMap(name => {
    const [file] = readYamlDocuments(join(import.meta.dirname, name))
    const { labels, otel, prometheus, sources } = parse(catalogFile, file)
    return [
      ...metricsOf(otel, labels, 'otel'),
      ...metricsOf(prometheus, labels, 'prometheus'),
      ...metricsOf(sources, labels),
    ]
  })
}

function metricsOf(sources: CatalogFile['otel'], lists: CatalogFile['labels'], dialect?: Dialect): CatalogMetric[] {
  const listed = (label: string): string[] => {
    if (!label.startsWith('$')) return [label]
    const list = lists[label.slice(1)]
    if (list === undefined) throw new Error(`The metric catalog has no list of labels ${label}`)
    return list.flatMap(listed)
  }
  return Object.entries(sources).flatMap(([source, groups]) =>
    groups.flatMap(group => {
      const written = group.labels.flatMap(listed).map(label => label.split('='))
      const labels = written.map(([label = '']) => label)
      const values = Object.fromEntries(
        written.flatMap(([label = '', list]) => (list === undefined ? [] : [[label, list.split('|')]])),
      )
      const { metrics, type, unit } = group
      const facts = Array.isArray(metrics)
        ? metrics.map(name => [name, type ?? typeByName(name), unit ?? unitByName(name)] as const)
        : Object.entries(metrics).map(([name, given]) => [name, ...given] as const)
      return facts.map(([name, type, unit]) => ({ name, type, unit, labels, values, source, dialect }))
    }),
  )
}

function typeByName(name: string): CatalogMetric['type'] {
  return name.endsWith('_total') ? 'counter' : 'gauge'
}

/** Points in time are seconds, too. */
function unitByName(name: string): string {
  const [, unit = '1'] = /_(bytes|seconds|ratio|created|time|timestamp)(?:_total)?$/.exec(name) ?? []
  return ['created', 'time', 'timestamp'].includes(unit) ? 'seconds' : unit
}

/** Beginnings of names of which the catalog lists a part: metrics of the control plane and of the lab's services. */
export const partlyListed: readonly string[] = [
  'aggregator_',
  'apiextensions_',
  'apiserver_',
  'authentication_',
  'authorization_',
  'etcd_',
  'go_',
  'grpc_',
  'informer_',
  'metrics_server_',
  'otelcol_',
  'process_',
  'prometheus_',
  'promhttp_',
  'rest_client_',
  'scheduler_',
  'workqueue_',
]

/** Optional sources: traced applications, and metrics that KWOK serves. */
export const optionalSources: readonly string[] = ['span_metrics', 'kwok-metrics']
