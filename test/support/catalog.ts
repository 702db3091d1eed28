import { metricCatalog, optionalSources } from '../../dashboards/index.ts'
import { seriesNames } from '../../lib/checks/lint/lab-metrics.ts'
import { assertSameWords } from './lab.ts'
import { catalogDifferences, liveMetrics } from './live-metrics.ts'

const catalog = metricCatalog()

/** What came by OTLP has no job; all of it, all that is kept of cAdvisor's, and what the lab makes itself has to be in the catalogue. */
const COMPLETE = [
  '{job="",k8s_cluster_name!=""}',
  '{job="kubelet-cadvisor",__name__=~"container_.+"}',
  '{job="kube-otel-lab-traces",__name__!="target_info"}',
  '{job="kwok-metrics",__name__!~"up|(scrape|promhttp)_.+"}',
]

/** What a healthy lab need not have: a failed delivery, an alert, a pod of a job at this moment, a service of another kind. */
const RARE = [
  ...['metric_points', 'spans'].map(what => `otelcol_exporter_send_failed_${what}_total`),
  ...['ALERTS', '{k8s_job_name}'],
  // An alert has the labels of what is at fault.
  ...catalog.filter(({ name }) => name === 'ALERTS').flatMap(({ labels }) => labels.map(label => `ALERTS{${label}}`)),
  ...['calls_total', 'duration_seconds'].flatMap(name =>
    ['k8s_statefulset_name', 'k8s_daemonset_name'].map(label => `traces_span_metrics_${name}{${label}}`),
  ),
]

/** Asserts that the catalogue agrees with a lab's Prometheus: metrics, labels and types, in both directions. */
export async function assertCatalogIsLive(prometheusUrl: string): Promise<void> {
  const live = await liveMetrics(prometheusUrl, catalog, COMPLETE)
  const isThere = (source: string) =>
    catalog.some(metric => metric.source === source && seriesNames(metric).some(name => live.labels.has(name)))
  const absent = new Set(optionalSources.filter(source => !isThere(source)))
  const expected = catalog.filter(({ source }) => !absent.has(source))
  assertSameWords(catalogDifferences(expected, live, RARE), [], 'differences of the catalogue')
}
