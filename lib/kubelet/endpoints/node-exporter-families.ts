import { fields, text } from '../../kube/json.ts'
import type { NodeFacts } from '../objects/facts.ts'
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'
import { DISK_DEVICE, NETWORK_DEVICE, rxDropped, rxPackets, txDropped, txPackets } from './devices.ts'
import { type LabelText, labelText } from './exposition.ts'
import type { HostExtras } from './host-extras.ts'
import { cpuStates, diskWork, inodesOf, memoryStates, tcpConnections } from './host-metrics.ts'
import type { MeasuredNode } from './node-measurement.ts'

/** The simulated version. */
const VERSION = '1.12.1'
const DISK = DISK_DEVICE.replace('/dev/', '')
const MIB = 2 ** 20

/** A node as the rows below read it. */
export type Host = ReturnType<typeof hostOf>
/** A metric with one series: name, help text and value. A value that is no function is the same on every node. */
type Row = [name: string, help: string, value: number | ((host: Host) => number)]
/** A metric whose series have labels of their own. */
type Series = [name: string, help: string, series: (host: Host) => [labels: Record<string, string>, value: number][]]

/** What the rows read of a measured node. */
export function hostOf(measured: MeasuredNode, { loads, cores }: HostExtras) {
  const { facts, seed, nowMs, startMs, total, traffic, pods } = measured
  const memory = {
    ...memoryStates(total, facts.memoryCapacityBytes),
    totalBytes: facts.memoryCapacityBytes ?? total.usageBytes,
  }
  let containers = 0
  for (const pod of pods) containers += pod.containers.length
  return {
    ...{ measured, facts, seed, nowMs, startMs, total, traffic, loads, cores, memory, containers },
    disk: diskWork(total),
    filesystem: measured.disk,
    tcp: tcpConnections(pods),
    inSegments: Math.floor(rxPackets(traffic.rxBytes) * 0.95),
    outSegments: Math.floor(txPackets(traffic.txBytes) * 0.95),
    pods: pods.length,
    ageS: (nowMs - startMs) / 1_000,
    cpuS: total.usageCoreNanoSeconds / 1e9,
  }
}

/** Makes rows of metrics that differ in a field: `%` in the name stands for it. */
const rowOf =
  (name: string, help: (field: string) => string) =>
  (field: string, value: Row[2]): Row => [name.replace('%', field), help(field), value]

const memoryRow = rowOf('node_memory_%', field => `Memory information field ${field}.`)
const netstatRow = rowOf('node_netstat_%', field => `Statistic ${field.replace('_', '')}.`)
const vmstatRow = rowOf('node_vmstat_%', field => `/proc/vmstat information field ${field}.`)
const tcpRow = rowOf('node_sockstat_TCP_%', state => `Number of TCP sockets in state ${state}.`)
const udpRow = rowOf('node_sockstat_UDP_%', state => `Number of UDP sockets in state ${state}.`)
const networkRow = rowOf('node_network_%_total', field => `Network device statistic ${field}.`)
const networkProperty = rowOf('node_network_%', field => `Network device property: ${field}`)

const OF_NODE: Row[] = [
  ['node_boot_time_seconds', 'Node boot time, in unixtime.', ({ startMs }) => Math.floor(startMs / 1_000)],
  ['node_time_seconds', 'System time in seconds since epoch (1970).', ({ nowMs }) => nowMs / 1_000],
  [
    'node_context_switches_total',
    'Total number of context switches.',
    ({ cpuS, ageS }) => Math.floor(4_000 * cpuS + 500 * ageS),
  ],
  [
    'node_intr_total',
    'Total number of interrupts serviced.',
    ({ cpuS, ageS }) => Math.floor(1_500 * cpuS + 300 * ageS),
  ],
  ['node_forks_total', 'Total number of forks.', ({ cpuS, ageS }) => Math.floor(cpuS / 2 + 2 * ageS)],
  [
    'node_procs_running',
    'Number of processes in runnable state.',
    ({ total }) => Math.max(1, Math.round(total.usageNanoCores / 1e9)),
  ],
  ['node_procs_blocked', 'Number of processes blocked waiting for I/O to complete.', 0],
  ['node_load1', '1m load average.', ({ loads }) => loads[0]],
  ['node_load5', '5m load average.', ({ loads }) => loads[1]],
  ['node_load15', '15m load average.', ({ loads }) => loads[2]],
  [
    'node_pressure_cpu_waiting_seconds_total',
    'Total time in seconds that processes have waited for CPU time',
    ({ cpuS }) => 0.02 * cpuS,
  ],
  [
    'node_pressure_io_waiting_seconds_total',
    'Total time in seconds that processes have waited due to IO congestion',
    ({ disk }) => 0.2 * disk.busyS,
  ],
  [
    'node_pressure_io_stalled_seconds_total',
    'Total time in seconds no process could make progress due to IO congestion',
    ({ disk }) => 0.1 * disk.busyS,
  ],
  ['node_pressure_memory_waiting_seconds_total', 'Total time in seconds that processes have waited for memory', 0],
  [
    'node_pressure_memory_stalled_seconds_total',
    'Total time in seconds no process could make progress due to memory congestion',
    0,
  ],
  memoryRow('MemTotal_bytes', ({ memory }) => memory.totalBytes),
  memoryRow('MemFree_bytes', ({ memory }) => memory.free),
  // As in the summary of the kubelet: capacity minus working set.
  memoryRow('MemAvailable_bytes', ({ memory, total }) => Math.max(0, memory.totalBytes - total.workingSetBytes)),
  memoryRow('Buffers_bytes', ({ memory }) => memory.buffered),
  memoryRow('Cached_bytes', ({ memory }) => memory.cached),
  memoryRow('Slab_bytes', ({ memory }) => memory.slab_reclaimable + memory.slab_unreclaimable),
  memoryRow('SReclaimable_bytes', ({ memory }) => memory.slab_reclaimable),
  memoryRow('SUnreclaim_bytes', ({ memory }) => memory.slab_unreclaimable),
  memoryRow('AnonPages_bytes', ({ total }) => total.rssBytes),
  memoryRow('Active_bytes', ({ memory }) => Math.floor(0.4 * memory.cached)),
  memoryRow('Active_anon_bytes', 0),
  memoryRow('Active_file_bytes', ({ memory }) => Math.floor(0.4 * memory.cached)),
  memoryRow('Inactive_bytes', ({ memory, total }) => memory.cached - Math.floor(0.4 * memory.cached) + total.rssBytes),
  memoryRow('Inactive_anon_bytes', ({ total }) => total.rssBytes),
  memoryRow('Inactive_file_bytes', ({ memory }) => memory.cached - Math.floor(0.4 * memory.cached)),
  memoryRow('Mapped_bytes', ({ memory }) => Math.floor(0.3 * memory.cached)),
  memoryRow('Shmem_bytes', ({ memory }) => Math.floor(0.02 * memory.cached)),
  memoryRow('Dirty_bytes', ({ memory }) => Math.floor(0.001 * memory.cached)),
  memoryRow('Writeback_bytes', 0),
  memoryRow('PageTables_bytes', ({ memory }) => Math.floor(0.1 * memory.slab_unreclaimable)),
  memoryRow('KernelStack_bytes', ({ containers }) => 4 * MIB + containers * 65_536),
  memoryRow('CommitLimit_bytes', ({ memory }) => Math.floor(memory.totalBytes / 2)),
  memoryRow('Committed_AS_bytes', ({ total }) => Math.floor(1.5 * total.workingSetBytes)),
  ...['SwapTotal_bytes', 'SwapFree_bytes', 'SwapCached_bytes', 'AnonHugePages_bytes'].map(field => memoryRow(field, 0)),
  ...['Total', 'Free', 'Rsvd', 'Surp'].map(field => memoryRow(`HugePages_${field}`, 0)),
  memoryRow('Hugepagesize_bytes', 2 * MIB),
  vmstatRow('pgfault', ({ total }) => total.pageFaults),
  vmstatRow('pgmajfault', ({ total }) => total.majorPageFaults),
  vmstatRow('pgpgin', ({ total }) => Math.floor(total.readBytes / 1_024)),
  vmstatRow('pgpgout', ({ total }) => Math.floor(total.writtenBytes / 1_024)),
  ...['pswpin', 'pswpout', 'oom_kill'].map(field => vmstatRow(field, 0)),
  ['node_filefd_allocated', 'File descriptor statistics: allocated.', ({ containers }) => 1_500 + 40 * containers],
  ['node_filefd_maximum', 'File descriptor statistics: maximum.', 2 ** 63],
  [
    'node_nf_conntrack_entries',
    'Number of currently allocated flow entries for connection tracking.',
    ({ tcp, pods }) => tcp.ESTABLISHED + tcp.TIME_WAIT + 4 * pods,
  ],
  ['node_nf_conntrack_entries_limit', 'Maximum size of connection tracking table.', 262_144],
  ['node_entropy_available_bits', 'Bits of available entropy.', 256],
  ['node_entropy_pool_size_bits', 'Bits of entropy pool.', 256],
  netstatRow('IpExt_InOctets', ({ traffic }) => traffic.rxBytes),
  netstatRow('IpExt_OutOctets', ({ traffic }) => traffic.txBytes),
  netstatRow('Ip_Forwarding', 1),
  netstatRow('Tcp_CurrEstab', ({ tcp }) => tcp.ESTABLISHED),
  netstatRow('Tcp_InSegs', ({ inSegments }) => inSegments),
  netstatRow('Tcp_OutSegs', ({ outSegments }) => outSegments),
  netstatRow('Tcp_RetransSegs', ({ outSegments }) => Math.floor(outSegments / 5_000)),
  netstatRow('Tcp_ActiveOpens', ({ outSegments }) => Math.floor(outSegments / 60)),
  netstatRow('Tcp_PassiveOpens', ({ inSegments }) => Math.floor(inSegments / 40)),
  netstatRow('Tcp_OutRsts', ({ outSegments }) => Math.floor(outSegments / 2_000)),
  netstatRow('Tcp_InErrs', 0),
  netstatRow('TcpExt_TCPSynRetrans', ({ outSegments }) => Math.floor(outSegments / 50_000)),
  netstatRow('TcpExt_TCPTimeouts', ({ outSegments }) => Math.floor(outSegments / 20_000)),
  ...['ListenDrops', 'ListenOverflows', 'SyncookiesFailed', 'SyncookiesRecv', 'SyncookiesSent', 'TCPRcvQDrop'].map(
    field => netstatRow(`TcpExt_${field}`, 0),
  ),
  netstatRow('Udp_InDatagrams', ({ traffic, inSegments }) => rxPackets(traffic.rxBytes) - inSegments),
  netstatRow('Udp_OutDatagrams', ({ traffic, outSegments }) => txPackets(traffic.txBytes) - outSegments),
  ...['InErrors', 'NoPorts', 'RcvbufErrors', 'SndbufErrors'].map(field => netstatRow(`Udp_${field}`, 0)),
  tcpRow('inuse', ({ tcp }) => tcp.ESTABLISHED + tcp.LISTEN),
  tcpRow('alloc', ({ tcp }) => tcp.ESTABLISHED + tcp.LISTEN + tcp.TIME_WAIT),
  tcpRow('tw', ({ tcp }) => tcp.TIME_WAIT),
  tcpRow('orphan', 0),
  tcpRow('mem', ({ tcp }) => tcp.ESTABLISHED),
  tcpRow('mem_bytes', ({ tcp }) => 4_096 * tcp.ESTABLISHED),
  udpRow('inuse', 6),
  udpRow('mem', 2),
  udpRow('mem_bytes', 8_192),
  [
    'node_sockstat_sockets_used',
    'Number of IPv4 sockets in use.',
    ({ tcp, containers }) => 150 + tcp.ESTABLISHED + tcp.LISTEN + 2 * containers,
  ],
  ['node_textfile_scrape_error', '1 if there was an error opening or reading a file, 0 otherwise', 0],
  ['node_timex_sync_status', 'Is clock synchronized to a reliable server (1 = yes, 0 = no).', 1],
  [
    'node_timex_offset_seconds',
    'Time offset in between local system and reference clock.',
    ({ seed, nowMs }) => 0.0002 * Math.sin(nowMs / 300_000 + 7 * pseudoRandom(seed, 95)),
  ],
  ['node_timex_estimated_error_seconds', 'Estimated error in seconds.', 0.0001],
  ['node_timex_maxerror_seconds', 'Maximum error in seconds.', ({ nowMs }) => 0.02 + (nowMs % 64_000) * 5e-7],
  [
    'node_timex_frequency_adjustment_ratio',
    'Local clock frequency adjustment.',
    ({ seed }) => 1 + 2e-5 * (pseudoRandom(seed, 96) - 0.5),
  ],
  ['node_timex_loop_time_constant', 'Phase-locked loop time constant.', 7],
  // Phase-locked loop, with a resolution of nanoseconds.
  ['node_timex_status', 'Value of the status array bits.', 0x2001],
  ['node_timex_tai_offset_seconds', 'International Atomic Time (TAI) offset.', 37],
  ['node_timex_tick_seconds', 'Seconds between clock ticks.', 0.01],
]

const OF_DISK: Row[] = [
  [
    'node_disk_reads_completed_total',
    'The total number of reads completed successfully.',
    ({ disk }) => disk.readCount,
  ],
  ['node_disk_reads_merged_total', 'The total number of reads merged.', ({ disk }) => disk.readsMerged],
  ['node_disk_read_bytes_total', 'The total number of bytes read successfully.', ({ total }) => total.readBytes],
  ['node_disk_read_time_seconds_total', 'The total number of seconds spent by all reads.', ({ disk }) => disk.readS],
  [
    'node_disk_writes_completed_total',
    'The total number of writes completed successfully.',
    ({ disk }) => disk.writeCount,
  ],
  ['node_disk_writes_merged_total', 'The number of writes merged.', ({ disk }) => disk.writesMerged],
  [
    'node_disk_written_bytes_total',
    'The total number of bytes written successfully.',
    ({ total }) => total.writtenBytes,
  ],
  [
    'node_disk_write_time_seconds_total',
    'This is the total number of seconds spent by all writes.',
    ({ disk }) => disk.writeS,
  ],
  ['node_disk_io_time_seconds_total', 'Total seconds spent doing I/Os.', ({ disk }) => disk.busyS],
  ['node_disk_io_time_weighted_seconds_total', 'The weighted # of seconds spent doing I/Os.', ({ disk }) => disk.busyS],
  ['node_disk_io_now', 'The number of I/Os currently in progress.', 0],
]

const OF_FILESYSTEM: Row[] = [
  ['node_filesystem_size_bytes', 'Filesystem size in bytes.', ({ filesystem }) => filesystem.capacityBytes],
  [
    'node_filesystem_free_bytes',
    'Filesystem free space in bytes.',
    ({ measured }) => measured.disk.capacityBytes - measured.used.usedBytes,
  ],
  [
    'node_filesystem_avail_bytes',
    'Filesystem space available to non-root users in bytes.',
    ({ filesystem }) => filesystem.availableBytes,
  ],
  ['node_filesystem_files', 'Filesystem total file nodes.', ({ measured }) => inodesOf(measured)],
  [
    'node_filesystem_files_free',
    'Filesystem total free file nodes.',
    ({ measured }) => inodesOf(measured) - measured.used.inodesUsed,
  ],
  ['node_filesystem_readonly', 'Filesystem read-only status.', 0],
  ['node_filesystem_device_error', 'Whether an error occurred while getting statistics for the given device.', 0],
]

const OF_NETWORK: Row[] = [
  networkRow('receive_bytes', ({ traffic }) => traffic.rxBytes),
  networkRow('receive_packets', ({ traffic }) => rxPackets(traffic.rxBytes)),
  networkRow('receive_drop', ({ traffic }) => rxDropped(traffic.rxBytes)),
  networkRow('transmit_bytes', ({ traffic }) => traffic.txBytes),
  networkRow('transmit_packets', ({ traffic }) => txPackets(traffic.txBytes)),
  networkRow('transmit_drop', ({ traffic }) => txDropped(traffic.txBytes)),
  networkRow('receive_errs', ({ measured }) => measured.errors.rx),
  networkRow('transmit_errs', ({ measured }) => measured.errors.tx),
  ...['fifo', 'frame', 'compressed', 'multicast', 'nohandler'].map(field => networkRow(`receive_${field}`, 0)),
  ...['fifo', 'carrier', 'colls', 'compressed'].map(field => networkRow(`transmit_${field}`, 0)),
  ['node_network_up', "Value is 1 if operstate is 'up', 0 otherwise.", 1],
  networkProperty('carrier', 1),
  networkProperty('carrier_changes_total', 2),
  networkProperty('mtu_bytes', 1_500),
  networkProperty('speed_bytes', 1.25e9),
  networkProperty('transmit_queue_length', 1_000),
  ['node_arp_entries', 'ARP entries by device', ({ pods }) => 2 + pods],
]

const DISK_INFO = {
  device: DISK,
  major: '254',
  minor: '0',
  model: '',
  path: '',
  revision: '',
  rotational: '0',
  serial: '',
  wwn: '',
}
const BUILD = {
  branch: 'HEAD',
  goarch: 'amd64',
  goos: 'linux',
  goversion: 'go1.26.0',
  revision: 'unknown',
  tags: 'unknown',
  version: VERSION,
}
const OS = {
  ...{ build_id: '', id: 'debian', id_like: '', image_id: '', image_version: '', name: 'Debian GNU/Linux' },
  ...{ pretty_name: 'Debian GNU/Linux 12 (bookworm)', variant: '', variant_id: '', version: '12 (bookworm)' },
  ...{ version_codename: 'bookworm', version_id: '12' },
}

/** Rows by the labels of their series. */
export const ROWS: [LabelText | undefined, Row[]][] = [
  [undefined, OF_NODE],
  [labelText({ device: DISK }), OF_DISK],
  [labelText({ device: `${DISK_DEVICE}1`, device_error: '', fstype: 'ext4', mountpoint: '/' }), OF_FILESYSTEM],
  [labelText({ device: NETWORK_DEVICE }), OF_NETWORK],
  [labelText(DISK_INFO), [['node_disk_info', 'Info of /sys/block/<block_device>.', 1]]],
  [
    labelText({ device: `${DISK_DEVICE}1`, major: '254', minor: '1', mountpoint: '/' }),
    [['node_filesystem_mount_info', 'Filesystem mount information.', 1]],
  ],
  [
    labelText(OS),
    [['node_os_info', `A metric with a constant '1' value labeled by ${Object.keys(OS).join(', ')}.`, 1]],
  ],
  [
    labelText(BUILD),
    [
      [
        'node_exporter_build_info',
        "A metric with a constant '1' value labeled by version, revision, branch, goversion from which node_exporter was built, and the goos and goarch for the build.",
        1,
      ],
    ],
  ],
]

export const COLLECTORS = [
  ...['arp', 'conntrack', 'cpu', 'diskstats', 'entropy', 'filefd', 'filesystem', 'loadavg', 'meminfo', 'netclass'],
  ...['netdev', 'netstat', 'os', 'pressure', 'sockstat', 'stat', 'textfile', 'time', 'timex', 'uname', 'vmstat'],
]
export const COLLECTOR_ROWS: [string, string, number][] = [
  ['node_scrape_collector_duration_seconds', 'node_exporter: Duration of a collector scrape.', 0.0002],
  ['node_scrape_collector_success', 'node_exporter: Whether a collector succeeded.', 1],
]

/** The modes of `node_cpu_seconds_total` that have other names in `system.cpu.time`. */
const MODES: Readonly<Record<string, string>> = { interrupt: 'irq', wait: 'iowait' }

export const SERIES: Series[] = [
  [
    'node_cpu_seconds_total',
    'Seconds the CPUs spent in each mode.',
    ({ cores }) =>
      cores.flatMap(({ busyNs, idleNs }, cpu) =>
        cpuStates(busyNs / 1e9, idleNs / 1e9).map(([state, value]): [Record<string, string>, number] => [
          { cpu: String(cpu), mode: MODES[state] ?? state },
          value,
        ]),
      ),
  ],
  [
    'node_uname_info',
    'Labeled system information as provided by the uname system call.',
    ({ facts }) => [[uname(facts), 1]],
  ],
  [
    'node_network_info',
    'Non-numeric data from /sys/class/net/<iface>, value is always 1.',
    ({ facts }) => [[networkInfo(facts), 1]],
  ],
]

function uname({ name, object }: NodeFacts): Record<string, string> {
  const { architecture, kernelVersion } = fields(fields(object.status).nodeInfo)
  return {
    domainname: '(none)',
    machine: text(architecture) === 'arm64' ? 'aarch64' : 'x86_64',
    nodename: name,
    release: text(kernelVersion) ?? '6.12.0',
    sysname: 'Linux',
    version: '#1 SMP PREEMPT_DYNAMIC',
  }
}

function networkInfo({ uid }: NodeFacts): Record<string, string> {
  const [, a, b, c, d] = /(..)(..)(..)(..)$/.exec(hash(uid).toString(16).padStart(8, '0')) ?? []
  return {
    ...{ address: `02:00:${a}:${b}:${c}:${d}`, adminstate: 'up', broadcast: 'ff:ff:ff:ff:ff:ff' },
    ...{ device: NETWORK_DEVICE, duplex: 'full', ifalias: '', operstate: 'up' },
  }
}
