import { fields, text } from '../../kube/json.ts'
import type { NodeFacts } from '../objects/facts.ts'
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'
import { DISK_DEVICE, NETWORK_DEVICE, rxDropped, rxPackets, txDropped, txPackets } from './devices.ts'
import { type LabelText, labelText } from './exposition.ts'
import type { HostExtras } from './host-extras.ts'
import { cpuStates, diskWork, inodesOf, memoryStates, tcpConnections } from './host-metrics.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import constants from './node-exporter-constants.json' with { type: 'json' }
import type { MeasuredNode } from './node-measurement.ts'

const MIB = 2 ** 20

/** A node as the values below read it. */
export type Host = ReturnType<typeof hostOf>

export type Name = keyof typeof metricHelp.nodeExporter

/** Metrics with one series. A value that is no function is the same on every node. */
export type Values = Partial<Record<Name, number | ((host: Host) => number)>>

/** What the values read of a measured node. */
export function hostOf(measured: MeasuredNode, { loads, cores }: HostExtras) {
  const { facts, nowMs, startMs, total, traffic, pods } = measured
  const memory = {
    ...memoryStates(total, facts.memoryCapacityBytes),
    totalBytes: facts.memoryCapacityBytes ?? total.usageBytes,
  }
  let containers = 0
  for (const pod of pods) containers += pod.containers.length
  return {
    ...measured,
    loads,
    cores,
    memory,
    containers,
    diskWork: diskWork(total),
    tcp: tcpConnections(pods),
    inSegments: Math.floor(rxPackets(traffic.rxBytes) * 0.95),
    outSegments: Math.floor(txPackets(traffic.txBytes) * 0.95),
    ageS: (nowMs - startMs) / 1_000,
    cpuS: total.usageCoreNanoSeconds / 1e9,
  }
}

/** Metrics that are 0 on every node. */
function zeros(prefix: string, ...fields: string[]): Values {
  return Object.fromEntries(fields.map(field => [`${prefix}${field}`, 0]))
}

const OF_NODE: Values = {
  node_boot_time_seconds: ({ startMs }) => Math.floor(startMs / 1_000),
  node_time_seconds: ({ nowMs }) => nowMs / 1_000,
  node_context_switches_total: ({ cpuS, ageS }) => Math.floor(4_000 * cpuS + 500 * ageS),
  node_intr_total: ({ cpuS, ageS }) => Math.floor(1_500 * cpuS + 300 * ageS),
  node_forks_total: ({ cpuS, ageS }) => Math.floor(cpuS / 2 + 2 * ageS),
  node_procs_running: ({ total }) => Math.max(1, Math.round(total.usageNanoCores / 1e9)),
  node_procs_blocked: 0,
  node_load1: ({ loads }) => loads[0],
  node_load5: ({ loads }) => loads[1],
  node_load15: ({ loads }) => loads[2],
  node_pressure_cpu_waiting_seconds_total: ({ cpuS }) => 0.02 * cpuS,
  node_pressure_io_waiting_seconds_total: ({ diskWork }) => 0.2 * diskWork.busyS,
  node_pressure_io_stalled_seconds_total: ({ diskWork }) => 0.1 * diskWork.busyS,
  ...zeros('node_pressure_memory_', 'waiting_seconds_total', 'stalled_seconds_total'),
  node_memory_MemTotal_bytes: ({ memory }) => memory.totalBytes,
  node_memory_MemFree_bytes: ({ memory }) => memory.free,
  // As in the summary of the kubelet: capacity minus working set.
  node_memory_MemAvailable_bytes: ({ memory, total }) => Math.max(0, memory.totalBytes - total.workingSetBytes),
  node_memory_Buffers_bytes: ({ memory }) => memory.buffered,
  node_memory_Cached_bytes: ({ memory }) => memory.cached,
  node_memory_Slab_bytes: ({ memory }) => memory.slab_reclaimable + memory.slab_unreclaimable,
  node_memory_SReclaimable_bytes: ({ memory }) => memory.slab_reclaimable,
  node_memory_SUnreclaim_bytes: ({ memory }) => memory.slab_unreclaimable,
  node_memory_AnonPages_bytes: ({ total }) => total.rssBytes,
  node_memory_Active_bytes: ({ memory }) => Math.floor(0.4 * memory.cached),
  node_memory_Active_file_bytes: ({ memory }) => Math.floor(0.4 * memory.cached),
  node_memory_Inactive_bytes: ({ memory, total }) => memory.cached - Math.floor(0.4 * memory.cached) + total.rssBytes,
  node_memory_Inactive_anon_bytes: ({ total }) => total.rssBytes,
  node_memory_Inactive_file_bytes: ({ memory }) => memory.cached - Math.floor(0.4 * memory.cached),
  node_memory_Mapped_bytes: ({ memory }) => Math.floor(0.3 * memory.cached),
  node_memory_Shmem_bytes: ({ memory }) => Math.floor(0.02 * memory.cached),
  node_memory_Dirty_bytes: ({ memory }) => Math.floor(0.001 * memory.cached),
  node_memory_PageTables_bytes: ({ memory }) => Math.floor(0.1 * memory.slab_unreclaimable),
  node_memory_KernelStack_bytes: ({ containers }) => 4 * MIB + containers * 65_536,
  node_memory_CommitLimit_bytes: ({ memory }) => Math.floor(memory.totalBytes / 2),
  node_memory_Committed_AS_bytes: ({ total }) => Math.floor(1.5 * total.workingSetBytes),
  node_memory_Hugepagesize_bytes: 2 * MIB,
  ...zeros('node_memory_', 'Active_anon_bytes', 'Writeback_bytes', 'AnonHugePages_bytes'),
  ...zeros('node_memory_Swap', 'Total_bytes', 'Free_bytes', 'Cached_bytes'),
  ...zeros('node_memory_HugePages_', 'Total', 'Free', 'Rsvd', 'Surp'),
  node_vmstat_pgfault: ({ total }) => total.pageFaults,
  node_vmstat_pgmajfault: ({ total }) => total.majorPageFaults,
  node_vmstat_pgpgin: ({ total }) => Math.floor(total.readBytes / 1_024),
  node_vmstat_pgpgout: ({ total }) => Math.floor(total.writtenBytes / 1_024),
  ...zeros('node_vmstat_', 'pswpin', 'pswpout', 'oom_kill'),
  node_filefd_allocated: ({ containers }) => 1_500 + 40 * containers,
  node_filefd_maximum: 2 ** 63,
  node_nf_conntrack_entries: ({ tcp, pods }) => tcp.ESTABLISHED + tcp.TIME_WAIT + 4 * pods.length,
  node_nf_conntrack_entries_limit: 262_144,
  node_entropy_available_bits: 256,
  node_entropy_pool_size_bits: 256,
  node_netstat_IpExt_InOctets: ({ traffic }) => traffic.rxBytes,
  node_netstat_IpExt_OutOctets: ({ traffic }) => traffic.txBytes,
  node_netstat_Ip_Forwarding: 1,
  node_netstat_Tcp_CurrEstab: ({ tcp }) => tcp.ESTABLISHED,
  node_netstat_Tcp_InSegs: ({ inSegments }) => inSegments,
  node_netstat_Tcp_OutSegs: ({ outSegments }) => outSegments,
  node_netstat_Tcp_RetransSegs: ({ outSegments }) => Math.floor(outSegments / 5_000),
  node_netstat_Tcp_ActiveOpens: ({ outSegments }) => Math.floor(outSegments / 60),
  node_netstat_Tcp_PassiveOpens: ({ inSegments }) => Math.floor(inSegments / 40),
  node_netstat_Tcp_OutRsts: ({ outSegments }) => Math.floor(outSegments / 2_000),
  node_netstat_Tcp_InErrs: 0,
  node_netstat_TcpExt_TCPSynRetrans: ({ outSegments }) => Math.floor(outSegments / 50_000),
  node_netstat_TcpExt_TCPTimeouts: ({ outSegments }) => Math.floor(outSegments / 20_000),
  ...zeros('node_netstat_TcpExt_', 'ListenDrops', 'ListenOverflows', 'TCPRcvQDrop'),
  ...zeros('node_netstat_TcpExt_Syncookies', 'Failed', 'Recv', 'Sent'),
  node_netstat_Udp_InDatagrams: ({ traffic, inSegments }) => rxPackets(traffic.rxBytes) - inSegments,
  node_netstat_Udp_OutDatagrams: ({ traffic, outSegments }) => txPackets(traffic.txBytes) - outSegments,
  ...zeros('node_netstat_Udp_', 'InErrors', 'NoPorts', 'RcvbufErrors', 'SndbufErrors'),
  node_sockstat_TCP_inuse: ({ tcp }) => tcp.ESTABLISHED + tcp.LISTEN,
  node_sockstat_TCP_alloc: ({ tcp }) => tcp.ESTABLISHED + tcp.LISTEN + tcp.TIME_WAIT,
  node_sockstat_TCP_tw: ({ tcp }) => tcp.TIME_WAIT,
  node_sockstat_TCP_orphan: 0,
  node_sockstat_TCP_mem: ({ tcp }) => tcp.ESTABLISHED,
  node_sockstat_TCP_mem_bytes: ({ tcp }) => 4_096 * tcp.ESTABLISHED,
  node_sockstat_UDP_inuse: 6,
  node_sockstat_UDP_mem: 2,
  node_sockstat_UDP_mem_bytes: 8_192,
  node_sockstat_sockets_used: ({ tcp, containers }) => 150 + tcp.ESTABLISHED + tcp.LISTEN + 2 * containers,
  node_textfile_scrape_error: 0,
  node_timex_sync_status: 1,
  node_timex_offset_seconds: ({ seed, nowMs }) => 0.0002 * Math.sin(nowMs / 300_000 + 7 * pseudoRandom(seed, 95)),
  node_timex_estimated_error_seconds: 0.0001,
  node_timex_maxerror_seconds: ({ nowMs }) => 0.02 + (nowMs % 64_000) * 5e-7,
  node_timex_frequency_adjustment_ratio: ({ seed }) => 1 + 2e-5 * (pseudoRandom(seed, 96) - 0.5),
  node_timex_loop_time_constant: 7,
  // Phase-locked loop, with a resolution of nanoseconds.
  node_timex_status: 0x2001,
  node_timex_tai_offset_seconds: 37,
  node_timex_tick_seconds: 0.01,
}

const OF_DISK: Values = {
  node_disk_reads_completed_total: ({ diskWork }) => diskWork.readCount,
  node_disk_reads_merged_total: ({ diskWork }) => diskWork.readsMerged,
  node_disk_read_bytes_total: ({ total }) => total.readBytes,
  node_disk_read_time_seconds_total: ({ diskWork }) => diskWork.readS,
  node_disk_writes_completed_total: ({ diskWork }) => diskWork.writeCount,
  node_disk_writes_merged_total: ({ diskWork }) => diskWork.writesMerged,
  node_disk_written_bytes_total: ({ total }) => total.writtenBytes,
  node_disk_write_time_seconds_total: ({ diskWork }) => diskWork.writeS,
  node_disk_io_time_seconds_total: ({ diskWork }) => diskWork.busyS,
  node_disk_io_time_weighted_seconds_total: ({ diskWork }) => diskWork.busyS,
  node_disk_io_now: 0,
}

const OF_FILESYSTEM: Values = {
  node_filesystem_size_bytes: ({ disk }) => disk.capacityBytes,
  node_filesystem_free_bytes: ({ disk, used }) => disk.capacityBytes - used.usedBytes,
  node_filesystem_avail_bytes: ({ disk }) => disk.availableBytes,
  node_filesystem_files: inodesOf,
  node_filesystem_files_free: host => inodesOf(host) - host.used.inodesUsed,
  node_filesystem_readonly: 0,
  node_filesystem_device_error: 0,
}

const OF_NETWORK: Values = {
  node_network_receive_bytes_total: ({ traffic }) => traffic.rxBytes,
  node_network_receive_packets_total: ({ traffic }) => rxPackets(traffic.rxBytes),
  node_network_receive_drop_total: ({ traffic }) => rxDropped(traffic.rxBytes),
  node_network_receive_errs_total: ({ errors }) => errors.rx,
  node_network_transmit_bytes_total: ({ traffic }) => traffic.txBytes,
  node_network_transmit_packets_total: ({ traffic }) => txPackets(traffic.txBytes),
  node_network_transmit_drop_total: ({ traffic }) => txDropped(traffic.txBytes),
  node_network_transmit_errs_total: ({ errors }) => errors.tx,
  ...zeros('node_network_receive_', 'fifo_total', 'frame_total', 'compressed_total', 'multicast_total'),
  node_network_receive_nohandler_total: 0,
  ...zeros('node_network_transmit_', 'fifo_total', 'carrier_total', 'colls_total', 'compressed_total'),
  node_network_up: 1,
  node_network_carrier: 1,
  node_network_carrier_changes_total: 2,
  node_network_mtu_bytes: 1_500,
  node_network_speed_bytes: 1.25e9,
  node_network_transmit_queue_length: 1_000,
  node_arp_entries: ({ pods }) => 2 + pods.length,
}

const PARTITION = `${DISK_DEVICE}1`

/** Values by the labels of their series. */
export const VALUES: [LabelText | undefined, Values][] = [
  [undefined, OF_NODE],
  [labelText({ device: DISK_DEVICE.replace('/dev/', '') }), OF_DISK],
  [labelText({ device: PARTITION, device_error: '', fstype: 'ext4', mountpoint: '/' }), OF_FILESYSTEM],
  [labelText({ device: NETWORK_DEVICE }), OF_NETWORK],
  ...Object.entries(constants.info).map(([name, labels]): [LabelText, Values] => [labelText(labels), { [name]: 1 }]),
  ...constants.collectors.map((collector): [LabelText, Values] => [
    labelText({ collector }),
    { node_scrape_collector_duration_seconds: 0.0002, node_scrape_collector_success: 1 },
  ]),
]

/** The modes of `node_cpu_seconds_total` that have other names in `system.cpu.time`. */
const MODES: Readonly<Record<string, string>> = { interrupt: 'irq', wait: 'iowait' }

type Series = [labels: Record<string, string>, value: number]

/** Metrics whose series have labels of the node. */
export const SERIES: Partial<Record<Name, (host: Host) => Series[]>> = {
  node_cpu_seconds_total: ({ cores }) =>
    cores.flatMap(({ busyNs, idleNs }, cpu) =>
      cpuStates(busyNs / 1e9, idleNs / 1e9).map(
        ([state, value]): Series => [{ cpu: String(cpu), mode: MODES[state] ?? state }, value],
      ),
    ),
  node_uname_info: ({ facts }) => [[uname(facts), 1]],
  node_network_info: ({ facts }) => [[networkInfo(facts), 1]],
}

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
    address: `02:00:${a}:${b}:${c}:${d}`,
    adminstate: 'up',
    broadcast: 'ff:ff:ff:ff:ff:ff',
    device: NETWORK_DEVICE,
    duplex: 'full',
    ifalias: '',
    operstate: 'up',
  }
}
