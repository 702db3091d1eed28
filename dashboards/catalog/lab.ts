import type { CatalogMetric } from '../../lib/lint/catalog.ts'
import { CLUSTER, group, SCRAPED_LABELS } from './rows.ts'

const COLLECTOR = [CLUSTER, 'instance', 'job', 'service_name']

/** What the lab's own parts say of themselves: those that dashboards and rules use, and what helps beside them. */
export function labMetrics(): CatalogMetric[] {
  return [
    ...group('otelcol', COLLECTOR, {
      otelcol_process_cpu_seconds_total: ['counter', 'seconds'],
      otelcol_process_memory_rss_bytes: ['gauge', 'bytes'],
      otelcol_process_uptime_seconds_total: ['counter', 'seconds'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter'], {
      otelcol_exporter_send_failed_metric_points_total: ['counter', '1'],
      otelcol_exporter_sent_metric_points_total: ['counter', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter', 'data_type'], {
      otelcol_exporter_queue_capacity: ['gauge', '1'],
      otelcol_exporter_queue_size: ['gauge', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'receiver', 'transport'], {
      otelcol_receiver_accepted_metric_points_total: ['counter', '1'],
      otelcol_receiver_refused_metric_points_total: ['counter', '1'],
    }),
    ...group('stats-proxy', SCRAPED_LABELS, {
      stats_proxy_nodes: ['gauge', '1'],
      stats_proxy_pods: ['gauge', '1'],
      stats_proxy_running_pods: ['gauge', '1'],
      stats_proxy_state_bytes: ['gauge', 'bytes'],
    }),
    ...group('stats-proxy', [...SCRAPED_LABELS, 'code', 'route'], {
      stats_proxy_http_requests_total: ['counter', '1'],
    }),
    ...group('prometheus', SCRAPED_LABELS, { prometheus_tsdb_head_series: ['gauge', '1'] }),
    ...group('prometheus', [...SCRAPED_LABELS, 'k8s_node_name'], {
      scrape_duration_seconds: ['gauge', 'seconds'],
      scrape_samples_scraped: ['gauge', '1'],
      up: ['gauge', '1'],
    }),
    // Made by Prometheus for each alert that waits or fires, with the labels of the alert's own series.
    ...group(
      'prometheus',
      [...SCRAPED_LABELS, 'alertname', 'alertstate', 'severity', 'k8s_namespace_name', 'k8s_node_name', 'k8s_pod_name'],
      {
        ALERTS: ['gauge', '1'],
      },
    ),
  ]
}
