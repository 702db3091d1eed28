import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** Parts that Prometheus scrapes and that answer, by job. */
export const targetsUp: Query = {
  expr: `sum by (job) (up{${IN_CLUSTER}})`,
  legend: '{{job}}',
}

/** Scrape targets that do not answer; zero is a number too. */
export const targetsDown: Query = { expr: `count(up{${IN_CLUSTER}}) - sum(up{${IN_CLUSTER}})` }

/** Points a second that each receiver of the collector takes in. */
export const receivedPoints: Query = {
  // One receiver a node: together they are one kind.
  expr: `sum by (kind) (label_replace(rate(otelcol_receiver_accepted_metric_points_total{${IN_CLUSTER}}[$__rate_interval]), "kind", "$1", "receiver", "([^/]+).*"))`,
  legend: '{{kind}}',
}

/** Points a second that each exporter of the collector delivers. */
export const sentPoints: Query = {
  expr: `sum by (exporter) (rate(otelcol_exporter_sent_metric_points_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: '{{exporter}}',
}

/** Series that Prometheus holds in memory. */
export const headSeries: Query = { expr: `sum(prometheus_tsdb_head_series{${IN_CLUSTER}})` }

/** Alerts that wait or fire, by name. Prometheus's own series. */
export const alerts: Query = {
  expr: `count by (alertname, alertstate, severity) (ALERTS{${IN_CLUSTER}})`,
  emptyWhen: { because: 'a healthy lab has no alerts', noAlerts: true },
}
