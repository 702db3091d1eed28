import type { Exposition } from './exposition.ts'

/** Families of cAdvisor, by the name that `cadvisor.ts` uses for each: real name, type, help. */
const families = {
  cpu: ['container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed in seconds.'],
  cpuUser: ['container_cpu_user_seconds_total', 'counter', 'Cumulative user cpu time consumed in seconds.'],
  cpuSystem: ['container_cpu_system_seconds_total', 'counter', 'Cumulative system cpu time consumed in seconds.'],
  periods: ['container_cpu_cfs_periods_total', 'counter', 'Number of elapsed enforcement period intervals.'],
  throttledPeriods: ['container_cpu_cfs_throttled_periods_total', 'counter', 'Number of throttled period intervals.'],
  throttledSeconds: [
    'container_cpu_cfs_throttled_seconds_total',
    'counter',
    'Total time duration the container has been throttled.',
  ],
  fsLimit: [
    'container_fs_limit_bytes',
    'gauge',
    'Number of bytes that can be consumed by the container on this filesystem.',
  ],
  fsUsage: [
    'container_fs_usage_bytes',
    'gauge',
    'Number of bytes that are consumed by the container on this filesystem.',
  ],
  fsReads: ['container_fs_reads_total', 'counter', 'Cumulative count of reads completed'],
  fsReadBytes: ['container_fs_reads_bytes_total', 'counter', 'Cumulative count of bytes read'],
  fsWrites: ['container_fs_writes_total', 'counter', 'Cumulative count of writes completed'],
  fsWriteBytes: ['container_fs_writes_bytes_total', 'counter', 'Cumulative count of bytes written'],
  lastSeen: ['container_last_seen', 'gauge', 'Last time a container was seen by the exporter'],
  memoryCache: ['container_memory_cache', 'gauge', 'Number of bytes of page cache memory.'],
  memoryFailcnt: ['container_memory_failcnt', 'counter', 'Number of memory usage hits limits'],
  memoryFailures: ['container_memory_failures_total', 'counter', 'Cumulative count of memory allocation failures.'],
  memoryRss: ['container_memory_rss', 'gauge', 'Size of RSS in bytes.'],
  memorySwap: ['container_memory_swap', 'gauge', 'Container swap usage in bytes.'],
  memoryUsage: [
    'container_memory_usage_bytes',
    'gauge',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
  ],
  memoryWorkingSet: ['container_memory_working_set_bytes', 'gauge', 'Current working set in bytes.'],
  rxBytes: ['container_network_receive_bytes_total', 'counter', 'Cumulative count of bytes received'],
  rxErrors: [
    'container_network_receive_errors_total',
    'counter',
    'Cumulative count of errors encountered while receiving',
  ],
  rxDropped: [
    'container_network_receive_packets_dropped_total',
    'counter',
    'Cumulative count of packets dropped while receiving',
  ],
  rxPackets: ['container_network_receive_packets_total', 'counter', 'Cumulative count of packets received'],
  txBytes: ['container_network_transmit_bytes_total', 'counter', 'Cumulative count of bytes transmitted'],
  txErrors: [
    'container_network_transmit_errors_total',
    'counter',
    'Cumulative count of errors encountered while transmitting',
  ],
  txDropped: [
    'container_network_transmit_packets_dropped_total',
    'counter',
    'Cumulative count of packets dropped while transmitting',
  ],
  txPackets: ['container_network_transmit_packets_total', 'counter', 'Cumulative count of packets transmitted'],
  oomEvents: ['container_oom_events_total', 'counter', 'Count of out of memory events observed for the container'],
  processes: ['container_processes', 'gauge', 'Number of processes running inside the container.'],
  scrapeError: [
    'container_scrape_error',
    'gauge',
    '1 if there was an error while getting container metrics, 0 otherwise',
  ],
  cpuPeriod: ['container_spec_cpu_period', 'gauge', 'CPU period of the container.'],
  cpuQuota: ['container_spec_cpu_quota', 'gauge', 'CPU quota of the container.'],
  cpuShares: ['container_spec_cpu_shares', 'gauge', 'CPU share of the container.'],
  memoryLimit: ['container_spec_memory_limit_bytes', 'gauge', 'Memory limit for the container.'],
  startTime: ['container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds.'],
  machineCores: ['machine_cpu_cores', 'gauge', 'Number of logical CPU cores.'],
  machineMemory: ['machine_memory_bytes', 'gauge', 'Amount of memory installed on the machine.'],
  machineSwap: ['machine_swap_bytes', 'gauge', 'Amount of swap memory available on the machine.'],
} as const satisfies Record<string, readonly [string, 'counter' | 'gauge', string]>

export type CadvisorFamily = keyof typeof families

/** Declares all of them. */
export function cadvisorFamilies(exposition: Exposition): Record<CadvisorFamily, ReturnType<Exposition['family']>> {
  const declared = Object.entries(families).map(([key, [name, type, help]]) => [
    key,
    exposition.family(name, type, help),
  ])
  return Object.fromEntries(declared) as Record<CadvisorFamily, ReturnType<Exposition['family']>>
}
