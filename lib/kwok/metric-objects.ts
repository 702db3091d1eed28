import { createHash } from 'node:crypto'
import { UsageError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The name of the lab's one Metric object. */
export const METRIC_NAME = 'kube-otel-lab'
/** A metric whose label `digest` identifies the set of metrics that a node serves. */
export const INFO_METRIC = 'lab_metrics_info'

/** One metric of a Metric object, with the fields that the lab reads. */
export interface MetricConfig {
  name: string
  kind: 'gauge' | 'counter' | 'histogram'
  [field: string]: unknown
}

/** A Metric object as the lab applies it. */
export interface MetricManifest {
  apiVersion: string
  kind: 'Metric'
  metadata: { name: string }
  spec: { path: string; metrics: MetricConfig[] }
}

const kinds = ['gauge', 'counter', 'histogram'] as const

/**
 * The metrics of all Metric objects of a YAML file, in order.
 *
 * Throws a UsageError with the file when it cannot be read, holds no metrics or another kind of object, or a metric with an invalid name or
 * kind.
 */
export function readMetrics(file: string): MetricConfig[] {
  const documents = readYamlDocuments(file, 'set METRICS_FILE to a YAML file of Metric objects')
  const metrics = documents.filter(document => document !== null).flatMap(document => metricsOf(document, file))
  if (metrics.length > 0) return metrics
  throw new UsageError(`${file} holds no metrics`, {
    next: `add some to spec.metrics of a Metric object in ${file}`,
  })
}

function metricsOf(document: unknown, file: string): MetricConfig[] {
  const object = fields(document)
  if (object['kind'] !== 'Metric') {
    throw new UsageError(`${file} holds another object than a Metric`, {
      why: `its kind is ${text(object['kind']) ?? 'missing'}`,
      next: `leave only objects of kind Metric (kwok.x-k8s.io/v1alpha1) in ${file}`,
    })
  }
  return items(fields(object['spec'])['metrics']).map(each => {
    const metric = fields(each)
    const name = String(metric['name'])
    const kind = kinds.find(known => known === metric['kind'])
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
      throw new UsageError(`${file}: "${name}" is not a valid name of a metric`, {
        next: 'use letters, digits and underscores, and no digit at the start',
      })
    }
    if (kind === undefined) {
      throw new UsageError(`${file}: the kind of ${name} is ${String(metric['kind'])}`, {
        next: `set it to one of ${kinds.join(', ')}`,
      })
    }
    return { ...metric, name, kind }
  })
}

/**
 * One Metric object with all metrics. KWOK v0.8.0 has one registry per node for all Metric objects: a scrape of one removes the series of
 * another, and two scrapes at the same time mix their answers (pkg/kwok/server/metrics.go).
 *
 * Throws a UsageError for a duplicate name, which a registry refuses.
 */
export function metricManifest(metrics: readonly MetricConfig[]): MetricManifest {
  const names = new Set<string>([INFO_METRIC])
  for (const { name } of metrics) {
    if (names.has(name)) {
      throw new UsageError(`Two metrics have the name ${name}`, {
        why: 'KWOK serves all metrics of a node together',
        next: 'rename one of them',
      })
    }
    names.add(name)
  }
  const whole = metrics.flatMap(served)
  const digest = digestOf(whole)
  const info: MetricConfig = {
    name: INFO_METRIC,
    help: 'The digest of the definitions of the metrics that KWOK serves for the lab',
    kind: 'gauge',
    dimension: 'node',
    labels: [{ name: 'digest', value: JSON.stringify(digest) }],
    value: '1.0',
  }
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Metric',
    metadata: { name: METRIC_NAME },
    // KWOK keeps a path and its first metrics for ever, so that other metrics need another path.
    spec: { path: `/metrics/nodes/{nodeName}/metrics/${digest}`, metrics: [...whole, info] },
  }
}

/** The digest in the label of the info metric, as a quoted PromQL string. */
export function infoDigest({ spec }: MetricManifest): string {
  const info = spec.metrics.find(({ name }) => name === INFO_METRIC)
  return text(fields(items(info?.['labels'])[0])['value']) ?? '""'
}

/**
 * The same metrics for a trial, at a path that KWOK's server matches for every node. KWOK's service discovery looks for the exact text
 * `{nodeName}`, so that Prometheus does not scrape this path.
 */
export function trialManifest({ spec, ...rest }: MetricManifest): MetricManifest {
  const digest = spec.path.split('/').at(-1)
  return {
    ...rest,
    metadata: { name: `${METRIC_NAME}-trial` },
    spec: { ...spec, path: `/metrics/trial/{nodeName:.+}/${digest}` },
  }
}

/** The digest of the definitions of metrics. */
export function digestOf(metrics: readonly MetricConfig[]): string {
  return createHash('sha256').update(JSON.stringify(metrics)).digest('hex').slice(0, 12)
}

/** A metric in the form that KWOK v0.8.0 serves correctly. */
function served(metric: MetricConfig): MetricConfig[] {
  if (metric.kind !== 'histogram') return [metric]
  const isPlain = items(metric['labels']).length === 0 && (metric['dimension'] ?? 'node') === 'node'
  return isPlain ? [withLastBucket(metric)] : asCounters(metric)
}

/**
 * A histogram as counters. KWOK v0.8.0 drops the labels of a histogram (Write in pkg/kwok/metrics/histogram.go), and two pods with the same
 * histogram make the whole response an error.
 */
function asCounters(metric: MetricConfig): MetricConfig[] {
  const { name, buckets, value: _, ...rest } = metric
  const bounds = items(buckets)
    .map(bucket => fields(bucket))
    .map(({ le, value, hidden }) => ({ le: Number(le), value: `(${String(value)})`, hidden: hidden === true }))
    .sort((a, b) => a.le - b.le)
  const counter = (suffix: string, terms: string[], le?: string): MetricConfig => ({
    ...rest,
    name: `${name}_${suffix}`,
    kind: 'counter',
    ...(le === undefined ? {} : { labels: [...items(metric['labels']), { name: 'le', value: JSON.stringify(le) }] }),
    value: terms.join(' + ') || '0.0',
  })
  const all = bounds.map(({ value }) => value)
  return [
    ...bounds.flatMap(({ le, hidden }, at) => (hidden ? [] : [counter('bucket', all.slice(0, at + 1), String(le))])),
    counter('bucket', all, '+Inf'),
    counter(
      'sum',
      bounds.map(({ le, value }) => `${Number.isInteger(le) ? le.toFixed(1) : le} * ${value}`),
    ),
    counter('count', all),
  ]
}

/**
 * A histogram with a hidden largest bucket. Without one KWOK v0.8.0 serves 0 for the bucket `+Inf` (pkg/kwok/metrics/histogram.go), and
 * histogram_quantile() does not work.
 */
function withLastBucket(metric: MetricConfig): MetricConfig {
  const buckets = items(metric['buckets'])
  if (metric.kind !== 'histogram' || buckets.length === 0) return metric
  const bounds = buckets.map(bucket => Number(fields(bucket)['le']))
  const most = Math.max(...bounds)
  if (fields(buckets[bounds.indexOf(most)])['hidden'] === true) return metric
  return { ...metric, buckets: [...buckets, { le: most * 2 || 1, value: '0.0', hidden: true }] }
}
