import { createHash } from 'node:crypto'
import { fields, text as textOf } from '../../kube/json.ts'
import { type ContainerMeter, countersAt } from '../counters/pod-counters.ts'
import type { Sample, Traffic } from '../counters/usage-samples.ts'
import type { ContainerFacts, QosClass } from '../objects/facts.ts'
import { pseudoRandom } from '../usage/pseudo-random.ts'
import { DISK_DEVICE, NETWORK_DEVICE, reads, rxDropped, rxPackets, txDropped, txPackets, writes } from './devices.ts'
import { type AddSample, createExposition, type Exposition, type LabelText, labelText } from './exposition.ts'
import { diskWork, inodesOf } from './host-metrics.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import type { MeasuredNode, MeasuredPod } from './node-measurement.ts'

/** The CFS period: a CPU limit is a quota of it. */
export const PERIOD_MS = 100
const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10'
const USER_SHARE = 0.7

type Families = Record<keyof typeof metricHelp.cadvisor, AddSample>

/** The labels of the series of a cgroup, in a kubelet's alphabetical order. Labels that do not apply are empty. */
type Cgroup = ReturnType<typeof cgroupOf>

function cgroupOf({ container = '', id = '', image = '', name = '', namespace = '', pod = '' }) {
  const [first, middle, last] = [
    labelText({ container }),
    labelText({ id, image }),
    labelText({ name, namespace, pod }),
  ]
  const join = (...parts: string[]) => parts.join(',') as LabelText
  return {
    labels: join(first, middle, last),
    /** After `container`. */
    withFirst: (label: LabelText) => join(first, label, middle, last),
    interface: join(first, middle, labelText({ interface: NETWORK_DEVICE }), last),
    failure: (type: string, scope: string) =>
      join(first, labelText({ failure_type: type }), middle, last, labelText({ scope })),
  }
}

const CPU_TOTAL = labelText({ cpu: 'total' })
const DISK = labelText({ device: DISK_DEVICE })

/** The usage of a pause container: it starts and waits. */
const PAUSE: Sample = {
  usageNanoCores: 0,
  usageCoreNanoSeconds: 25e6,
  usageBytes: 278_528,
  workingSetBytes: 262_144,
  rssBytes: 40_960,
  pageFaults: 1_100,
  majorPageFaults: 0,
  readBytes: 0,
  writtenBytes: 0,
}

/**
 * A node's metrics as a kubelet serves them at `/metrics/cadvisor`: the series that dashboards use, for the node (`id="/"`), the cgroup
 * of all pods, that of each pod, its pause container with the pod's network, and each container. Containers also have disk reads and writes,
 * which a real cAdvisor exports where cgroups count them.
 */
export function cadvisorMetrics(measured: MeasuredNode): Exposition {
  const { facts, nowMs, total, traffic, disk, used } = measured
  const { families, ...exposition } = createExposition(metricHelp.cadvisor)
  const root = cgroupOf({ id: '/' })
  const nodeInfo = fields(fields(facts.object.status).nodeInfo)
  const [kernelVersion = '', osVersion = ''] = [textOf(nodeInfo.kernelVersion), textOf(nodeInfo.osImage)]
  const version = { cadvisorRevision: '', cadvisorVersion: '', dockerVersion: '', kernelVersion, osVersion }
  families.cadvisor_version_info(labelText(version), 1)
  addUsage(families, root, total, nowMs)
  addNetwork(families, root, traffic, nowMs, measured.errors)
  addDisk(families, root, total, nowMs)
  const diskLabels = root.withFirst(DISK)
  const [{ busyS, readS, writeS }, inodes] = [diskWork(total), inodesOf(measured)]
  families.container_fs_limit_bytes(diskLabels, disk.capacityBytes, nowMs)
  families.container_fs_usage_bytes(diskLabels, used.usedBytes, nowMs)
  families.container_fs_inodes_total(diskLabels, inodes, nowMs)
  families.container_fs_inodes_free(diskLabels, inodes - used.inodesUsed, nowMs)
  families.container_fs_io_time_seconds_total(diskLabels, busyS, nowMs)
  families.container_fs_io_time_weighted_seconds_total(diskLabels, busyS, nowMs)
  families.container_fs_read_seconds_total(diskLabels, readS, nowMs)
  families.container_fs_write_seconds_total(diskLabels, writeS, nowMs)
  families.container_start_time_seconds(root.labels, Math.floor(measured.startMs / 1_000))
  addUsage(families, cgroupOf({ id: '/kubepods' }), measured.ofPods, nowMs)
  for (const pod of measured.pods) addPod(families, pod, nowMs)
  families.container_scrape_error(undefined, 0)
  const { machineId, systemUuid, bootId } = facts.machine
  const machine = labelText({ boot_id: bootId, machine_id: machineId, system_uuid: systemUuid })
  const cores = Math.round((facts.cpuCapacityNanoCores ?? Number.NaN) / 1e9)
  families.machine_cpu_cores(machine, cores)
  families.machine_cpu_physical_cores(machine, cores)
  families.machine_cpu_sockets(machine, 1)
  families.machine_memory_bytes(machine, facts.memoryCapacityBytes ?? Number.NaN)
  families.machine_scrape_error(undefined, 0)
  families.machine_swap_bytes(machine, 0)
  return exposition
}

function addPod(families: Families, pod: MeasuredPod, nowMs: number): void {
  const { facts, meter } = pod
  const { namespace, name: podName, uid } = facts
  const path = `${QOS_CGROUPS[facts.qos]}/pod${uid}`
  const ofPod = cgroupOf({ id: path, namespace, pod: podName })
  addUsage(families, ofPod, pod.total, nowMs)
  families.container_start_time_seconds(ofPod.labels, Math.floor(meter.startMs / 1_000))
  const sandboxId = createHash('sha256').update(uid).digest('hex')
  const sandbox = cgroupOf({ id: `${path}/${sandboxId}`, image: PAUSE_IMAGE, name: sandboxId, namespace, pod: podName })
  addUsage(families, sandbox, PAUSE, nowMs)
  addProcess(families, sandbox.labels, { startMs: meter.startMs, threads: 1, sockets: 0 }, nowMs)
  if (!facts.hostNetwork) addNetwork(families, sandbox, pod.traffic, nowMs)
  facts.containers.forEach((container, index) => {
    const sample = pod.containers[index]
    const containerMeter = meter.containers[index]
    if (!container.running || sample === undefined || containerMeter === undefined) return
    const { name, id, image } = container
    const cgroup = cgroupOf({ container: name, id: `${path}/${id}`, image, name: id, namespace, pod: podName })
    addUsage(families, cgroup, sample, nowMs)
    addDisk(families, cgroup, sample, nowMs)
    addLimits(families, cgroup.labels, container, containerMeter, nowMs)
    const startMs = Math.min(container.startedMs ?? meter.startMs, nowMs)
    const threads = 4 + Math.floor(12 * pseudoRandom(containerMeter.seed, 35))
    addProcess(families, cgroup.labels, { startMs, threads, sockets: threads / 2 }, nowMs)
  })
}

function addProcess(
  families: Families,
  labels: LabelText,
  { startMs, threads, sockets }: { startMs: number; threads: number; sockets: number },
  nowMs: number,
): void {
  families.container_start_time_seconds(labels, Math.floor(startMs / 1_000))
  families.container_last_seen(labels, Math.floor(nowMs / 1_000), nowMs)
  families.container_oom_events_total(labels, 0, nowMs)
  families.container_processes(labels, 1, nowMs)
  families.container_threads(labels, threads, nowMs)
  families.container_sockets(labels, Math.floor(sockets), nowMs)
  families.container_file_descriptors(labels, 3 + 2 * Math.floor(sockets), nowMs)
}

const QOS_CGROUPS: Record<QosClass, string> = {
  guaranteed: '/kubepods',
  burstable: '/kubepods/burstable',
  besteffort: '/kubepods/besteffort',
}

function addUsage(families: Families, cgroup: Cgroup, sample: Sample, nowMs: number): void {
  const { labels } = cgroup
  const seconds = sample.usageCoreNanoSeconds / 1e9
  families.container_cpu_usage_seconds_total(cgroup.withFirst(CPU_TOTAL), seconds, nowMs)
  families.container_cpu_user_seconds_total(labels, seconds * USER_SHARE, nowMs)
  families.container_cpu_system_seconds_total(labels, seconds * (1 - USER_SHARE), nowMs)
  families.container_memory_usage_bytes(labels, sample.usageBytes, nowMs)
  families.container_memory_working_set_bytes(labels, sample.workingSetBytes, nowMs)
  families.container_memory_rss(labels, sample.rssBytes, nowMs)
  families.container_memory_cache(labels, Math.max(0, sample.usageBytes - sample.rssBytes), nowMs)
  families.container_memory_swap(labels, 0, nowMs)
  for (const scope of ['container', 'hierarchy']) {
    families.container_memory_failures_total(cgroup.failure('pgfault', scope), sample.pageFaults, nowMs)
    families.container_memory_failures_total(cgroup.failure('pgmajfault', scope), sample.majorPageFaults, nowMs)
  }
}

function addLimits(
  families: Families,
  labels: LabelText,
  container: ContainerFacts,
  meter: ContainerMeter,
  nowMs: number,
): void {
  const { cpuRequestNanoCores = 0, cpuLimitNanoCores, memoryLimitBytes = 0 } = container
  const { limitedMs, overMs, throttledMs, memoryOverMs } = countersAt(meter, nowMs)
  families.container_spec_cpu_period(labels, PERIOD_MS * 1_000)
  families.container_spec_cpu_shares(labels, Math.max(2, Math.floor((cpuRequestNanoCores * 1_024) / 1e9)))
  families.container_spec_memory_limit_bytes(labels, memoryLimitBytes)
  // A container with a memory demand above its limit hits the limit once a second.
  families.container_memory_failcnt(labels, Math.floor(memoryOverMs / 1_000), nowMs)
  if (cpuLimitNanoCores === undefined) return
  families.container_spec_cpu_quota(labels, Math.round((cpuLimitNanoCores / 1e9) * PERIOD_MS * 1_000))
  families.container_cpu_cfs_periods_total(labels, Math.floor(limitedMs / PERIOD_MS), nowMs)
  families.container_cpu_cfs_throttled_periods_total(labels, Math.floor(overMs / PERIOD_MS), nowMs)
  families.container_cpu_cfs_throttled_seconds_total(labels, throttledMs / 1_000, nowMs)
}

function addDisk(families: Families, cgroup: Cgroup, { readBytes, writtenBytes }: Sample, nowMs: number): void {
  const labels = cgroup.withFirst(DISK)
  families.container_fs_reads_total(labels, reads(readBytes), nowMs)
  families.container_fs_reads_bytes_total(labels, readBytes, nowMs)
  families.container_fs_writes_total(labels, writes(writtenBytes), nowMs)
  families.container_fs_writes_bytes_total(labels, writtenBytes, nowMs)
}

function addNetwork(
  families: Families,
  cgroup: Cgroup,
  { rxBytes, txBytes }: Traffic,
  nowMs: number,
  errors = { rx: 0, tx: 0 },
): void {
  const labels = cgroup.interface
  families.container_network_receive_bytes_total(labels, rxBytes, nowMs)
  families.container_network_receive_errors_total(labels, errors.rx, nowMs)
  families.container_network_receive_packets_total(labels, rxPackets(rxBytes), nowMs)
  families.container_network_receive_packets_dropped_total(labels, rxDropped(rxBytes), nowMs)
  families.container_network_transmit_bytes_total(labels, txBytes, nowMs)
  families.container_network_transmit_errors_total(labels, errors.tx, nowMs)
  families.container_network_transmit_packets_total(labels, txPackets(txBytes), nowMs)
  families.container_network_transmit_packets_dropped_total(labels, txDropped(txBytes), nowMs)
}
