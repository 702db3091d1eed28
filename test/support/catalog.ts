import { metricCatalog, optionalSources } from '../../dashboards/index.ts'
import { seriesNames } from '../../lib/checks/lint/lab-metrics.ts'
import type { CatalogMetric, Dialect } from '../../lib/checks/lint/metric-catalog.ts'
import { assertSameWords } from './lab.ts'
import { catalogDifferences, liveMetrics } from './live-metrics.ts'

/** What came by OTLP has no job; all of it, all that is kept of cAdvisor's, and what the lab makes itself has to be in the catalogue. */
const COMPLETE = [
  '{job="",k8s_cluster_name!=""}',
  '{job="kubelet-cadvisor",__name__=~"container_.+"}',
  '{job="kube-otel-lab-traces",__name__!="target_info"}',
  '{job="kwok-metrics",__name__!~"up|(scrape|promhttp)_.+"}',
  // The same of METRICS=prometheus, without the own metrics of kube-state-metrics.
  '{job=~"kubelet|node-exporter"}',
  '{job="kube-state-metrics",endpoint=""}',
]

/** What a healthy lab need not have: a failed delivery, an alert, a pod of a job at this moment, a service of another kind. */
const RARE = [
  ...['metric_points', 'spans'].map(what => `otelcol_exporter_send_failed_${what}_total`),
  ...[
    'ALERTS',
    '{k8s_job_name}',
    'kubelet_evictions',
    'kubelet_runtime_operations_errors_total',
    'prober_probe_total',
    'apiserver_request_terminations_total',
  ],
  ...['calls_total', 'duration_seconds'].flatMap(name =>
    ['k8s_statefulset_name', 'k8s_daemonset_name'].map(label => `traces_span_metrics_${name}{${label}}`),
  ),
]

/** An alert has the labels of what is at fault, and the cluster has not objects of all kinds with all fields. */
const mayBeAbsent = ({ name, source }: CatalogMetric) => name === 'ALERTS' || source === 'kube-state-metrics'

/** Asserts that the catalogue agrees with a lab's Prometheus: metrics, labels and types of the dialects of METRICS, in both directions. */
export async function assertCatalogIsLive(
  prometheusUrl: string,
  dialects: readonly Dialect[] = ['otel'],
): Promise<void> {
  const catalog = metricCatalog().filter(({ dialect }) => dialect === undefined || dialects.includes(dialect))
  const live = await liveMetrics(prometheusUrl, catalog, COMPLETE)
  const isThere = (source: string) =>
    catalog.some(metric => metric.source === source && seriesNames(metric).some(name => live.labels.has(name)))
  const absent = new Set(optionalSources.filter(source => !isThere(source)))
  const expected = catalog.filter(({ source }) => !absent.has(source))
  const rare = catalog
    .filter(mayBeAbsent)
    .flatMap(({ name, labels }) => [name, ...labels.map(label => `${name}{${label}}`)])
  assertSameWords(catalogDifferences(expected, live, [...RARE, ...rare]), [], 'differences of the catalogue')
}
