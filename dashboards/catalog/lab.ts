import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { CLUSTER, group, SCRAPED_LABELS } from './rows.ts'

const COLLECTOR = [CLUSTER, 'instance', 'job', 'service_name']

/** The labels of alerts: see `dashboards/rules`. */
const ALERT_LABELS = [
  ...[
    'namespace',
    'node',
    'pod',
    'container',
    'deployment',
    'job',
    'hpa',
    'resourcequota',
    'persistentvolumeclaim',
  ].map(kind => `k8s_${kind}_name`),
  ...['condition', 'exporter', 'resource', 'result', 'service_name', 'verb'],
]

/** The metrics of the lab's own services that dashboards and rules use, and related ones. */
export function labMetrics(): CatalogMetric[] {
  return [
    ...group('otelcol', COLLECTOR, {
      otelcol_process_cpu_seconds_total: ['counter', 'seconds'],
      otelcol_process_memory_rss_bytes: ['gauge', 'bytes'],
      otelcol_process_uptime_seconds_total: ['counter', 'seconds'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter'], {
      otelcol_exporter_send_failed_metric_points_total: ['counter', '1'],
      otelcol_exporter_send_failed_spans_total: ['counter', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter', 'server_address', 'server_port', 'url_path'], {
      otelcol_exporter_sent_metric_points_total: ['counter', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter', 'server_address', 'server_port'], {
      otelcol_exporter_sent_spans_total: ['counter', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'exporter', 'data_type'], {
      otelcol_exporter_queue_capacity: ['gauge', '1'],
      otelcol_exporter_queue_size: ['gauge', '1'],
    }),
    ...group('otelcol', [...COLLECTOR, 'receiver', 'transport'], {
      otelcol_receiver_accepted_metric_points_total: ['counter', '1'],
      otelcol_receiver_accepted_spans_total: ['counter', '1'],
      otelcol_receiver_failed_spans_total: ['counter', '1'],
      otelcol_receiver_refused_metric_points_total: ['counter', '1'],
      otelcol_receiver_refused_spans_total: ['counter', '1'],
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
    ...group('metrics-server', SCRAPED_LABELS, {
      metrics_server_api_metric_freshness_seconds: ['histogram', 'seconds'],
      metrics_server_manager_tick_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('metrics-server', [...SCRAPED_LABELS, 'node'], {
      metrics_server_kubelet_last_request_time_seconds: ['gauge', 'seconds'],
      metrics_server_kubelet_request_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('metrics-server', [...SCRAPED_LABELS, 'success'], {
      metrics_server_kubelet_request_total: ['counter', '1'],
    }),
    ...group('metrics-server', [...SCRAPED_LABELS, 'type'], { metrics_server_storage_points: ['gauge', '1'] }),
    ...group('prometheus', SCRAPED_LABELS, { prometheus_tsdb_head_series: ['gauge', '1'] }),
    ...group('prometheus', [...SCRAPED_LABELS, 'k8s_node_name'], {
      scrape_duration_seconds: ['gauge', 'seconds'],
      scrape_samples_scraped: ['gauge', '1'],
      up: ['gauge', '1'],
    }),
    // Prometheus' own series for each pending or firing alert, with the labels of the alert's series.
    ...group('prometheus', [...SCRAPED_LABELS, 'alertname', 'alertstate', 'severity', ...ALERT_LABELS], {
      ALERTS: ['gauge', '1'],
    }),
  ]
}
