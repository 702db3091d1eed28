import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { CONTAINER_LABELS, group, NODE_LABELS, POD_LABELS } from './rows.ts'

export const KUBELETSTATS = 'kubelet_stats'
const NETWORK = ['direction', 'interface']

/** The metrics of each kubelet's summary. Prometheus appends `_ratio` to gauges of unit 1, also to counts. */
export function kubeletstatsMetrics(): CatalogMetric[] {
  return [
    ...group(KUBELETSTATS, CONTAINER_LABELS, {
      container_cpu_time_seconds_total: ['counter', 'seconds'],
      container_cpu_usage: ['gauge', 'cores'],
      container_filesystem_available_bytes: ['gauge', 'bytes'],
      container_filesystem_capacity_bytes: ['gauge', 'bytes'],
      container_filesystem_usage_bytes: ['gauge', 'bytes'],
      container_memory_available_bytes: ['gauge', 'bytes'],
      container_memory_major_page_faults_ratio: ['gauge', '1'],
      container_memory_page_faults_ratio: ['gauge', '1'],
      container_memory_rss_bytes: ['gauge', 'bytes'],
      container_memory_usage_bytes: ['gauge', 'bytes'],
      container_memory_working_set_bytes: ['gauge', 'bytes'],
    }),
    ...group(KUBELETSTATS, POD_LABELS, {
      k8s_pod_cpu_time_seconds_total: ['counter', 'seconds'],
      k8s_pod_cpu_usage: ['gauge', 'cores'],
      k8s_pod_filesystem_available_bytes: ['gauge', 'bytes'],
      k8s_pod_filesystem_capacity_bytes: ['gauge', 'bytes'],
      k8s_pod_filesystem_usage_bytes: ['gauge', 'bytes'],
      k8s_pod_memory_available_bytes: ['gauge', 'bytes'],
      k8s_pod_memory_major_page_faults_ratio: ['gauge', '1'],
      k8s_pod_memory_page_faults_ratio: ['gauge', '1'],
      k8s_pod_memory_rss_bytes: ['gauge', 'bytes'],
      k8s_pod_memory_usage_bytes: ['gauge', 'bytes'],
      k8s_pod_memory_working_set_bytes: ['gauge', 'bytes'],
    }),
    ...group(KUBELETSTATS, [...POD_LABELS, ...NETWORK], {
      k8s_pod_network_errors_total: ['counter', '1'],
      k8s_pod_network_io_bytes_total: ['counter', 'bytes'],
    }),
    ...group(KUBELETSTATS, [...POD_LABELS, 'k8s_volume_name', 'k8s_persistentvolumeclaim_name'], {
      k8s_volume_available_bytes: ['gauge', 'bytes'],
      k8s_volume_capacity_bytes: ['gauge', 'bytes'],
      k8s_volume_inodes_free_ratio: ['gauge', '1'],
      k8s_volume_inodes_ratio: ['gauge', '1'],
      k8s_volume_inodes_used_ratio: ['gauge', '1'],
    }),
    ...group(KUBELETSTATS, NODE_LABELS, {
      k8s_node_cpu_time_seconds_total: ['counter', 'seconds'],
      k8s_node_cpu_usage: ['gauge', 'cores'],
      k8s_node_filesystem_available_bytes: ['gauge', 'bytes'],
      k8s_node_filesystem_capacity_bytes: ['gauge', 'bytes'],
      k8s_node_filesystem_usage_bytes: ['gauge', 'bytes'],
      k8s_node_memory_available_bytes: ['gauge', 'bytes'],
      k8s_node_memory_major_page_faults_ratio: ['gauge', '1'],
      k8s_node_memory_page_faults_ratio: ['gauge', '1'],
      k8s_node_memory_rss_bytes: ['gauge', 'bytes'],
      k8s_node_memory_usage_bytes: ['gauge', 'bytes'],
      k8s_node_memory_working_set_bytes: ['gauge', 'bytes'],
    }),
    ...group(KUBELETSTATS, [...NODE_LABELS, ...NETWORK], {
      k8s_node_network_errors_total: ['counter', '1'],
      k8s_node_network_io_bytes_total: ['counter', 'bytes'],
    }),
  ]
}
