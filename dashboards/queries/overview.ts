import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** Scrape targets that answer, by job. */
export const targetsUp: Query = { expr: `sum by (job) (up{${IN_CLUSTER}})`, legend: '{{job}}' }

/** Scrape targets that do not answer, also zero. */
export const targetsDown: Query = { expr: `count(up{${IN_CLUSTER}}) - sum(up{${IN_CLUSTER}})` }

/** Data points per second that each receiver of the collector accepts. */
export const receivedPoints: Query = {
  // All receivers of kubelets count as one.
  expr: `sum by (kind) (label_replace(rate(otelcol_receiver_accepted_metric_points_total{${IN_CLUSTER}}[$__rate_interval]), "kind", "$1", "receiver", "([^/]+).*"))`,
  legend: '{{kind}}',
}

/** Data points per second that each exporter of the collector sends. */
export const sentPoints: Query = {
  expr: `sum by (exporter) (rate(otelcol_exporter_sent_metric_points_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: '{{exporter}}',
}

/** Series in Prometheus' memory. */
export const headSeries: Query = { expr: `sum(prometheus_tsdb_head_series{${IN_CLUSTER}})` }

/** Pending and firing alerts, by name, also those that name no cluster, such as absent(). Prometheus' own series. */
export const alerts: Query = {
  expr: `count by (alertname, alertstate, severity) (ALERTS{k8s_cluster_name=~"$cluster|"})`,
  emptyWhen: { because: 'a healthy lab has no alerts', noAlerts: true },
}
