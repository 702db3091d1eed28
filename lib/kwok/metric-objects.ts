import { createHash } from 'node:crypto'
import { UsageError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The one Metric object that the lab has KWOK serve. */
export const METRIC_NAME = 'kube-otel-lab'
/** Says by its label `digest` which set of metrics a node serves. */
export const INFO_METRIC = 'lab_metrics_info'

/** One metric of a Metric object, as far as the lab looks at it. */
export interface MetricConfig {
  name: string
  kind: 'gauge' | 'counter' | 'histogram'
  [field: string]: unknown
}

/** A Metric object as it is applied. */
export interface MetricManifest {
  apiVersion: string
  kind: 'Metric'
  metadata: { name: string }
  spec: { path: string; metrics: MetricConfig[] }
}

const kinds = ['gauge', 'counter', 'histogram'] as const

/**
 * The metrics of all Metric objects of a YAML file, in its order.
 *
 * Throws a UsageError that names file and object when it can't be read, holds no metrics, anything but Metric objects, or a
 * metric that Prometheus would not take.
 */
export function readMetrics(file: string): MetricConfig[] {
  const documents = readYamlDocuments(file, 'set METRICS_FILE to a YAML file of Metric objects')
  const metrics = documents.filter(document => document !== null).flatMap(document => metricsOf(document, file))
  if (metrics.length > 0) return metrics
  throw new UsageError(`${file} holds no metrics`, {
    next: `put some under spec.metrics of a Metric object in ${file}`,
  })
}

function metricsOf(document: unknown, file: string): MetricConfig[] {
  const object = fields(document)
  if (object['kind'] !== 'Metric') {
    throw new UsageError(`${file} holds what is no Metric`, {
      why: `an object of kind ${text(object['kind']) ?? 'none'}`,
      next: `leave only objects of kind Metric (kwok.x-k8s.io/v1alpha1) in ${file}`,
    })
  }
  return items(fields(object['spec'])['metrics']).map(each => {
    const metric = fields(each)
    const name = String(metric['name'])
    const kind = kinds.find(known => known === metric['kind'])
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
      throw new UsageError(`${file}: "${name}" can't be a metric's name`, {
        next: 'use letters, digits and underscores, and no digit first',
      })
    }
    if (kind === undefined) {
      throw new UsageError(`${file}: ${name} is of kind ${String(metric['kind'])}`, {
        next: `make it one of ${kinds.join(', ')}`,
      })
    }
    return { ...metric, name, kind }
  })
}

/**
 * One Metric object of all these metrics. KWOK v0.8.0 has one registry for a node, whichever Metric asks: a scrape of one
 * takes the series of another away, and two scrapes at once answer with each other's (pkg/kwok/server/metrics.go). In one
 * object nothing is in the way of anything.
 *
 * Throws a UsageError for a name that is there twice, which a registry refuses.
 */
export function metricManifest(metrics: readonly MetricConfig[]): MetricManifest {
  const names = new Set<string>([INFO_METRIC])
  for (const { name } of metrics) {
    if (names.has(name)) {
      throw new UsageError(`There are two metrics ${name}`, {
        why: 'KWOK serves all from one page for a node',
        next: 'give one of them another name',
      })
    }
    names.add(name)
  }
  const whole = metrics.flatMap(served)
  const digest = digestOf(whole)
  const info: MetricConfig = {
    name: INFO_METRIC,
    help: 'Which metrics KWOK serves for the lab, by a digest of what defines them',
    kind: 'gauge',
    dimension: 'node',
    labels: [{ name: 'digest', value: JSON.stringify(digest) }],
    value: '1.0',
  }
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Metric',
    metadata: { name: METRIC_NAME },
    // KWOK can't take a path away, and goes on serving what it served there first: other metrics need another one.
    spec: { path: `/metrics/nodes/{nodeName}/metrics/${digest}`, metrics: [...whole, info] },
  }
}

/**
 * The same metrics for trying them out: at a path that is of every node for KWOK's server, but not for its discovery, which
 * looks for the very word `{nodeName}`. So Prometheus goes on with what it has.
 */
export function trialManifest({ spec, ...rest }: MetricManifest): MetricManifest {
  const digest = spec.path.split('/').at(-1)
  return {
    ...rest,
    metadata: { name: `${METRIC_NAME}-trial` },
    spec: { ...spec, path: `/metrics/trial/{nodeName:.+}/${digest}` },
  }
}

/** The value of the info metric's label. */
export function digestOf(metrics: readonly MetricConfig[]): string {
  return createHash('sha256').update(JSON.stringify(metrics)).digest('hex').slice(0, 12)
}

/** A metric as KWOK v0.8.0 can serve it. */
function served(metric: MetricConfig): MetricConfig[] {
  if (metric.kind !== 'histogram') return [metric]
  const isPlain = items(metric['labels']).length === 0 && (metric['dimension'] ?? 'node') === 'node'
  return isPlain ? [withLastBucket(metric)] : asCounters(metric)
}

/**
 * A histogram as the counters it is made of. KWOK v0.8.0 leaves the labels of a histogram out (Write in
 * pkg/kwok/metrics/histogram.go), and where two pods have one each, its whole page is an error.
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
 * A histogram whose largest bucket is hidden. Without one KWOK v0.8.0 leaves the bucket `+Inf` at 0
 * (pkg/kwok/metrics/histogram.go), and no quantile can be taken.
 */
function withLastBucket(metric: MetricConfig): MetricConfig {
  const buckets = items(metric['buckets'])
  if (metric.kind !== 'histogram' || buckets.length === 0) return metric
  const bounds = buckets.map(bucket => Number(fields(bucket)['le']))
  const most = Math.max(...bounds)
  if (fields(buckets[bounds.indexOf(most)])['hidden'] === true) return metric
  return { ...metric, buckets: [...buckets, { le: most * 2 || 1, value: '0.0', hidden: true }] }
}
