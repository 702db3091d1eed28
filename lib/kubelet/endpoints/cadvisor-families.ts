import type { Exposition } from './exposition.ts'

/** Counters of cAdvisor, by the name that `cadvisor.ts` uses for each: real name and help. */
const counters = {
  cpu: ['container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.'],
  cpuUser: ['container_cpu_user_seconds_total', 'Cumulative user cpu time consumed in seconds.'],
  cpuSystem: ['container_cpu_system_seconds_total', 'Cumulative system cpu time consumed in seconds.'],
  periods: ['container_cpu_cfs_periods_total', 'Number of elapsed enforcement period intervals.'],
  throttledPeriods: ['container_cpu_cfs_throttled_periods_total', 'Number of throttled period intervals.'],
  throttledSeconds: [
    'container_cpu_cfs_throttled_seconds_total',
    'Total time duration the container has been throttled.',
  ],
  fsReads: ['container_fs_reads_total', 'Cumulative count of reads completed'],
  fsReadBytes: ['container_fs_reads_bytes_total', 'Cumulative count of bytes read'],
  fsWrites: ['container_fs_writes_total', 'Cumulative count of writes completed'],
  fsWriteBytes: ['container_fs_writes_bytes_total', 'Cumulative count of bytes written'],
  memoryFailcnt: ['container_memory_failcnt', 'Number of memory usage hits limits'],
  memoryFailures: ['container_memory_failures_total', 'Cumulative count of memory allocation failures.'],
  rxBytes: ['container_network_receive_bytes_total', 'Cumulative count of bytes received'],
  rxErrors: ['container_network_receive_errors_total', 'Cumulative count of errors encountered while receiving'],
  rxDropped: ['container_network_receive_packets_dropped_total', 'Cumulative count of packets dropped while receiving'],
  rxPackets: ['container_network_receive_packets_total', 'Cumulative count of packets received'],
  txBytes: ['container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted'],
  txErrors: ['container_network_transmit_errors_total', 'Cumulative count of errors encountered while transmitting'],
  txDropped: [
    'container_network_transmit_packets_dropped_total',
    'Cumulative count of packets dropped while transmitting',
  ],
  txPackets: ['container_network_transmit_packets_total', 'Cumulative count of packets transmitted'],
  oomEvents: ['container_oom_events_total', 'Count of out of memory events observed for the container'],
} as const

/** Gauges of it. */
const gauges = {
  fsLimit: ['container_fs_limit_bytes', 'Number of bytes that can be consumed by the container on this filesystem.'],
  fsUsage: ['container_fs_usage_bytes', 'Number of bytes that are consumed by the container on this filesystem.'],
  lastSeen: ['container_last_seen', 'Last time a container was seen by the exporter'],
  memoryCache: ['container_memory_cache', 'Number of bytes of page cache memory.'],
  memoryRss: ['container_memory_rss', 'Size of RSS in bytes.'],
  memorySwap: ['container_memory_swap', 'Container swap usage in bytes.'],
  memoryUsage: [
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
  ],
  memoryWorkingSet: ['container_memory_working_set_bytes', 'Current working set in bytes.'],
  processes: ['container_processes', 'Number of processes running inside the container.'],
  scrapeError: ['container_scrape_error', '1 if there was an error while getting container metrics, 0 otherwise'],
  cpuPeriod: ['container_spec_cpu_period', 'CPU period of the container.'],
  cpuQuota: ['container_spec_cpu_quota', 'CPU quota of the container.'],
  cpuShares: ['container_spec_cpu_shares', 'CPU share of the container.'],
  memoryLimit: ['container_spec_memory_limit_bytes', 'Memory limit for the container.'],
  startTime: ['container_start_time_seconds', 'Start time of the container since unix epoch in seconds.'],
  machineCores: ['machine_cpu_cores', 'Number of logical CPU cores.'],
  machineMemory: ['machine_memory_bytes', 'Amount of memory installed on the machine.'],
  machineSwap: ['machine_swap_bytes', 'Amount of swap memory available on the machine.'],
} as const

export type CadvisorFamily = keyof typeof counters | keyof typeof gauges
type Families = Record<CadvisorFamily, ReturnType<Exposition['family']>>

/** Declares all of them, in the order of the alphabet as a kubelet writes them. */
export function cadvisorFamilies(exposition: Exposition): Families {
  const typed = [
    ...Object.entries(counters).map(([key, [name, help]]) => ({ key, name, help, type: 'counter' as const })),
    ...Object.entries(gauges).map(([key, [name, help]]) => ({ key, name, help, type: 'gauge' as const })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
  return Object.fromEntries(
    typed.map(({ key, name, help, type }) => [key, exposition.family(name, type, help)]),
  ) as Families
}
