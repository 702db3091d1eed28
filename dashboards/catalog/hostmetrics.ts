import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { group, NODE_LABELS } from './rows.ts'

export const HOSTMETRICS = 'host_metrics'
const HOST = [...NODE_LABELS, 'host_name']

/**
 * Host metrics of each simulated node, from the stats proxy, and of the lab's machine, which has no `k8s_node_name`.
 */
export function hostMetrics(): CatalogMetric[] {
  return [
    ...group(HOSTMETRICS, HOST, {
      system_cpu_logical_count: ['gauge', '1'],
      system_cpu_load_average_1m: ['gauge', '1'],
      system_cpu_load_average_5m: ['gauge', '1'],
      system_cpu_load_average_15m: ['gauge', '1'],
    }),
    ...group(HOSTMETRICS, [...HOST, 'cpu', 'state'], { system_cpu_time_seconds_total: ['counter', 'seconds'] }),
    ...group(HOSTMETRICS, [...HOST, 'state'], { system_memory_usage_bytes: ['gauge', 'bytes'] }),
    ...group(HOSTMETRICS, [...HOST, 'device', 'direction'], {
      system_disk_io_bytes_total: ['counter', 'bytes'],
      system_disk_merged_total: ['counter', '1'],
      system_disk_operation_time_seconds_total: ['counter', 'seconds'],
      system_disk_operations_total: ['counter', '1'],
      system_network_dropped_total: ['counter', '1'],
      system_network_errors_total: ['counter', '1'],
      system_network_io_bytes_total: ['counter', 'bytes'],
      system_network_packets_total: ['counter', '1'],
    }),
    ...group(HOSTMETRICS, [...HOST, 'device'], {
      system_disk_io_time_seconds_total: ['counter', 'seconds'],
      system_disk_pending_operations: ['gauge', '1'],
      system_disk_weighted_io_time_seconds_total: ['counter', 'seconds'],
    }),
    ...group(HOSTMETRICS, [...HOST, 'device', 'mode', 'mountpoint', 'state', 'type'], {
      system_filesystem_inodes_usage: ['gauge', '1'],
      system_filesystem_usage_bytes: ['gauge', 'bytes'],
    }),
    ...group(HOSTMETRICS, [...HOST, 'protocol', 'state'], { system_network_connections: ['gauge', '1'] }),
  ]
}
