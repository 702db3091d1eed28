import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { group, SCRAPED_LABELS } from './rows.ts'

export const KWOK_METRICS = 'kwok-metrics'
const NODE = [...SCRAPED_LABELS, 'k8s_node_name']
const POD = [...NODE, 'namespace', 'pod']
const CONTAINER = [...POD, 'container']

/**
 * The metrics that KWOK serves after `make kwok-metrics`: a kubelet's resource metrics, and those of
 * kwok-config/kwok-metrics.yaml.
 */
export function kwokMetrics(): CatalogMetric[] {
  return [
    ...group(KWOK_METRICS, NODE, {
      kwok_node_cpu_usage_seconds_total: ['counter', 'seconds'],
      kwok_node_memory_working_set_bytes: ['gauge', 'bytes'],
      kwok_scrape_error: ['gauge', '1'],
    }),
    ...group(KWOK_METRICS, POD, {
      kwok_pod_cpu_usage_seconds_total: ['counter', 'seconds'],
      kwok_pod_memory_working_set_bytes: ['gauge', 'bytes'],
    }),
    ...group(KWOK_METRICS, CONTAINER, {
      kwok_container_cpu_usage_seconds_total: ['counter', 'seconds'],
      kwok_container_memory_working_set_bytes: ['gauge', 'bytes'],
      kwok_container_start_time_seconds: ['gauge', 'seconds'],
    }),
    ...group(KWOK_METRICS, [...NODE, 'digest'], { lab_metrics_info: ['gauge', '1'] }),
    ...group(KWOK_METRICS, [...NODE, 'zone'], {
      lab_node_started_containers_total: ['counter', '1'],
      lab_node_temperature_celsius: ['gauge', 'degrees'],
    }),
    ...group(KWOK_METRICS, NODE, { lab_node_disk_latency_seconds: ['histogram', 'seconds'] }),
    ...group(KWOK_METRICS, [...POD, 'app'], {
      lab_pod_queue_length: ['gauge', '1'],
      lab_pod_request_duration_seconds: ['histogram', 'seconds'],
      lab_pod_requests_total: ['counter', '1'],
    }),
    ...group(KWOK_METRICS, [...CONTAINER, 'image'], {
      lab_container_log_bytes_total: ['counter', 'bytes'],
      lab_container_open_files: ['gauge', '1'],
    }),
  ]
}
