import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { CLUSTER, group } from './rows.ts'

export const CADVISOR = 'kubelet-cadvisor'
const POD = [CLUSTER, 'instance', 'job', 'k8s_namespace_name', 'k8s_node_name', 'k8s_pod_name']
const CONTAINER = [...POD, 'k8s_container_name']

/**
 * The metrics of each kubelet's cAdvisor that `kwok-config/prometheus.yaml` keeps, which no OpenTelemetry receiver
 * has.
 */
export function cadvisorMetrics(): CatalogMetric[] {
  return [
    ...group(CADVISOR, CONTAINER, {
      container_cpu_cfs_periods_total: ['counter', '1'],
      container_cpu_cfs_throttled_periods_total: ['counter', '1'],
      container_cpu_cfs_throttled_seconds_total: ['counter', 'seconds'],
      container_memory_cache: ['gauge', 'bytes'],
      container_memory_failcnt: ['counter', '1'],
      container_memory_swap: ['gauge', 'bytes'],
    }),
    ...group(CADVISOR, [...CONTAINER, 'device'], {
      container_fs_reads_bytes_total: ['counter', 'bytes'],
      container_fs_reads_total: ['counter', '1'],
      container_fs_writes_bytes_total: ['counter', 'bytes'],
      container_fs_writes_total: ['counter', '1'],
    }),
    ...group(CADVISOR, [...POD, 'interface'], {
      container_network_receive_packets_dropped_total: ['counter', '1'],
      container_network_receive_packets_total: ['counter', '1'],
      container_network_transmit_packets_dropped_total: ['counter', '1'],
      container_network_transmit_packets_total: ['counter', '1'],
    }),
  ]
}
