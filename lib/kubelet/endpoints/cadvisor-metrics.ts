import { createHash } from 'node:crypto'
import { type ContainerMeter, countersAt } from '../counters/pod-counters.ts'
import type { Sample, Traffic } from '../counters/usage-samples.ts'
import type { ContainerFacts, QosClass } from '../objects/facts.ts'
import { cadvisorHelp } from './cadvisor-families.ts'
import { DISK_DEVICE, NETWORK_DEVICE, reads, rxDropped, rxPackets, txDropped, txPackets, writes } from './devices.ts'
import { type AddSample, createExposition, labelText } from './exposition.ts'
import type { MeasuredNode, MeasuredPod } from './node-measurement.ts'

/** The CFS period: a CPU limit is a quota of it. */
export const PERIOD_MS = 100
const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10'
const USER_SHARE = 0.7

type Families = Record<keyof typeof cadvisorHelp, AddSample>

/** The labels of every container series of cAdvisor; labels that do not apply are empty. */
interface Identity {
  container: string
  id: string
  image: string
  name: string
  namespace: string
  pod: string
}

/**
 * A node's metrics as a kubelet serves them at `/metrics/cadvisor`: the series that dashboards use, for the node (`id="/"`), the
 * cgroup of each pod, the network of each pod under its sandbox, and each container. Containers also have disk reads and writes,
 * which a real cAdvisor exports where cgroups count them.
 */
export function cadvisorText(measured: MeasuredNode): string {
  const { facts, nowMs, total, traffic, disk, used } = measured
  const { families, text } = createExposition(cadvisorHelp)
  const root: Identity = { container: '', id: '/', image: '', name: '', namespace: '', pod: '' }
  const rootLabels = labelText({ ...root })
  addUsage(families, root, total, nowMs)
  addNetwork(families, root, traffic, nowMs)
  addDisk(families, root, total, nowMs)
  const diskLabels = deviceLabels(root)
  families.container_fs_limit_bytes(diskLabels, disk.capacityBytes, nowMs)
  families.container_fs_usage_bytes(diskLabels, used.usedBytes, nowMs)
  families.container_start_time_seconds(rootLabels, Math.floor(measured.startMs / 1_000))
  for (const pod of measured.pods) addPod(families, pod, nowMs)
  families.container_scrape_error(undefined, 0)
  const { machineId, systemUuid, bootId } = facts.machine
  const machine = labelText({ boot_id: bootId, machine_id: machineId, system_uuid: systemUuid })
  families.machine_cpu_cores(machine, Math.round((facts.cpuCapacityNanoCores ?? Number.NaN) / 1e9))
  families.machine_memory_bytes(machine, facts.memoryCapacityBytes ?? Number.NaN)
  families.machine_swap_bytes(machine, 0)
  return text()
}

function addPod(families: Families, pod: MeasuredPod, nowMs: number): void {
  const { facts, meter } = pod
  const { namespace, name: podName, uid } = facts
  const cgroup = `${QOS_CGROUPS[facts.qos]}/pod${uid}`
  const ofCgroup: Identity = { container: '', id: cgroup, image: '', name: '', namespace, pod: podName }
  addUsage(families, ofCgroup, pod.total, nowMs)
  families.container_start_time_seconds(labelText({ ...ofCgroup }), Math.floor(meter.startMs / 1_000))
  if (!facts.hostNetwork) {
    const sandboxId = createHash('sha256').update(uid).digest('hex')
    const sandbox = { ...ofCgroup, id: `${cgroup}/${sandboxId}`, image: PAUSE_IMAGE, name: sandboxId }
    addNetwork(families, sandbox, pod.traffic, nowMs)
  }
  facts.containers.forEach((container, index) => {
    const sample = pod.containers[index]
    const containerMeter = meter.containers[index]
    if (!container.running || sample === undefined || containerMeter === undefined) return
    const { name, id, image } = container
    const identity = { container: name, id: `${cgroup}/${id}`, image, name: id, namespace, pod: podName }
    addUsage(families, identity, sample, nowMs)
    addDisk(families, identity, sample, nowMs)
    const labels = labelText({ ...identity })
    addLimits(families, labels, container, containerMeter, nowMs)
    families.container_start_time_seconds(
      labels,
      Math.floor(Math.min(container.startedMs ?? meter.startMs, nowMs) / 1_000),
    )
    families.container_last_seen(labels, Math.floor(nowMs / 1_000), nowMs)
    families.container_oom_events_total(labels, 0, nowMs)
    families.container_processes(labels, 1, nowMs)
  })
}

const QOS_CGROUPS: Record<QosClass, string> = {
  guaranteed: '/kubepods',
  burstable: '/kubepods/burstable',
  besteffort: '/kubepods/besteffort',
}

function addUsage(families: Families, identity: Identity, sample: Sample, nowMs: number): void {
  const { container, id, image, name, namespace, pod } = identity
  const labels = labelText({ ...identity })
  const seconds = sample.usageCoreNanoSeconds / 1e9
  families.container_cpu_usage_seconds_total(
    labelText({ container, cpu: 'total', id, image, name, namespace, pod }),
    seconds,
    nowMs,
  )
  families.container_cpu_user_seconds_total(labels, seconds * USER_SHARE, nowMs)
  families.container_cpu_system_seconds_total(labels, seconds * (1 - USER_SHARE), nowMs)
  families.container_memory_usage_bytes(labels, sample.usageBytes, nowMs)
  families.container_memory_working_set_bytes(labels, sample.workingSetBytes, nowMs)
  families.container_memory_rss(labels, sample.rssBytes, nowMs)
  families.container_memory_cache(labels, Math.max(0, sample.usageBytes - sample.rssBytes), nowMs)
  families.container_memory_swap(labels, 0, nowMs)
  for (const scope of ['container', 'hierarchy']) {
    for (const [failureType, value] of [
      ['pgfault', sample.pageFaults],
      ['pgmajfault', sample.majorPageFaults],
    ] as const) {
      const failureLabels = labelText({ container, failure_type: failureType, id, image, name, namespace, pod, scope })
      families.container_memory_failures_total(failureLabels, value, nowMs)
    }
  }
}

function addLimits(
  families: Families,
  labels: ReturnType<typeof labelText>,
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

function addDisk(families: Families, identity: Identity, { readBytes, writtenBytes }: Sample, nowMs: number): void {
  const labels = deviceLabels(identity)
  families.container_fs_reads_total(labels, reads(readBytes), nowMs)
  families.container_fs_reads_bytes_total(labels, readBytes, nowMs)
  families.container_fs_writes_total(labels, writes(writtenBytes), nowMs)
  families.container_fs_writes_bytes_total(labels, writtenBytes, nowMs)
}

function addNetwork(families: Families, identity: Identity, { rxBytes, txBytes }: Traffic, nowMs: number): void {
  const { container, id, image, name, namespace, pod } = identity
  const labels = labelText({ container, id, image, interface: NETWORK_DEVICE, name, namespace, pod })
  families.container_network_receive_bytes_total(labels, rxBytes, nowMs)
  families.container_network_receive_errors_total(labels, 0, nowMs)
  families.container_network_receive_packets_total(labels, rxPackets(rxBytes), nowMs)
  families.container_network_receive_packets_dropped_total(labels, rxDropped(rxBytes), nowMs)
  families.container_network_transmit_bytes_total(labels, txBytes, nowMs)
  families.container_network_transmit_errors_total(labels, 0, nowMs)
  families.container_network_transmit_packets_total(labels, txPackets(txBytes), nowMs)
  families.container_network_transmit_packets_dropped_total(labels, txDropped(txBytes), nowMs)
}

/** A kubelet writes labels in alphabetical order. */
function deviceLabels({ container, id, image, name, namespace, pod }: Identity): ReturnType<typeof labelText> {
  return labelText({ container, device: DISK_DEVICE, id, image, name, namespace, pod })
}
