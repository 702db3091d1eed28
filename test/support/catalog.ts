import { catalog } from '../../dashboards/index.ts'
import { catalogDifferences, liveMetrics } from '../../lib/lint/live.ts'
import { assertSameWords } from './lab.ts'

/** What came by OTLP has no job; all of it, and all that is kept of cAdvisor's, has to be in the catalogue. */
const COMPLETE = ['{job="",k8s_cluster_name!=""}', '{job="kubelet-cadvisor",__name__=~"container_.+"}']

/** What a healthy lab need not have: a failed delivery, an alert, a pod of a job at this moment. */
const RARE = ['otelcol_exporter_send_failed_metric_points_total', 'ALERTS', '{k8s_job_name}']

/** Asserts that the catalogue says what a lab's Prometheus has: metrics, labels and types, in both directions. */
export async function assertCatalogIsLive(prometheusUrl: string): Promise<void> {
  const live = await liveMetrics(prometheusUrl, catalog, COMPLETE)
  assertSameWords(catalogDifferences(catalog, live, RARE), [], 'differences of the catalogue')
}
