import { apiTime } from '../../kube/json.ts'
import { type Sample, type Traffic, wholeNumber } from '../counters/usage-samples.ts'
import type { ContainerFacts } from '../objects/facts.ts'
import { pseudoRandom } from '../usage/pseudo-random.ts'
import { type Filesystem, fsStats, type PodStorage, type Space, volumeStats } from './filesystem-stats.ts'
import type { MeasuredNode, MeasuredPod } from './node-measurement.ts'

/** The document at `/stats/summary`. */
export type Summary = ReturnType<typeof buildSummary>

const GIB = 2 ** 30
const MAX_PID = 4_194_304

/**
 * A measured node as its kubelet serves it at `/stats/summary`, with running pods and containers only. Available memory is
 * capacity minus working set; ephemeral storage is the space of a pod's containers and local volumes. Names, nesting and order are those of
 * k8s.io/kubelet/pkg/apis/stats/v1alpha1. Times are RFC 3339, and all numbers are whole.
 */
export function buildSummary(measured: MeasuredNode) {
  const { facts, nowMs, seed, ofPods, total, disk, used, system } = measured
  const time = apiTime(nowMs)
  const startTime = apiTime(measured.startMs)
  const pods = measured.pods.map(pod => podStats(pod, measured, time))
  const containerSpace = sumOfSpaces(measured.pods.flatMap(pod => pod.storage.containers.map(each => each.rootfs)))
  // Images use 4 to 12 GiB of the system's space.
  const imageBytes = Math.min(Math.floor(0.04 * disk.capacityBytes), Math.floor((4 + 8 * pseudoRandom(seed, 90)) * GIB))
  return {
    node: {
      nodeName: facts.name,
      systemContainers: [
        ...system.map(({ name, sample }) => systemContainer(name, startTime, sample, time)),
        {
          ...systemContainer('pods', startTime, ofPods, time),
          memory: memoryStats(ofPods, facts.memoryCapacityBytes, time),
        },
      ],
      startTime,
      cpu: cpuStats(total, time),
      memory: memoryStats(total, facts.memoryCapacityBytes, time),
      network: networkStats(measured.traffic, time, measured.errors),
      fs: fsStats(disk, used, time),
      runtime: {
        imageFs: fsStats(disk, { usedBytes: imageBytes, inodesUsed: 60_000 }, time),
        containerFs: fsStats(disk, containerSpace, time),
      },
      rlimit: { time, maxpid: MAX_PID, curproc: 150 + pods.reduce((sum, pod) => sum + 2 + pod.containers.length, 0) },
      swap: { time, swapAvailableBytes: 0, swapUsageBytes: 0 },
    },
    pods,
  }
}

function podStats(pod: MeasuredPod, { disk, nowMs, facts: node }: MeasuredNode, time: string) {
  const { facts, meter, total, storage } = pod
  const podStartTime = apiTime(meter.startMs)
  const swap = { time, swapUsageBytes: 0 }
  const containers: ReturnType<typeof containerStats>[] = []
  let limitBytes: number | undefined = 0
  facts.containers.forEach((container, index) => {
    limitBytes = add(limitBytes, container.memoryLimitBytes)
    const sample = pod.containers[index]
    const space = storage.containers[containers.length]
    if (!container.running || sample === undefined || space === undefined) return
    const startedMs = Math.min(container.startedMs ?? meter.startMs, nowMs)
    // Usually the same moment; formatting a time costs more than the rest of a container.
    const startTime = startedMs === meter.startMs ? podStartTime : apiTime(startedMs)
    containers.push(containerStats(container, { sample, space, disk, startTime, time }))
  })
  return {
    podRef: { name: facts.name, namespace: facts.namespace, uid: facts.uid },
    startTime: podStartTime,
    containers,
    cpu: cpuStats(total, time),
    // A pod has a memory limit if all its containers have one.
    memory: memoryStats(total, limitBytes, time),
    ...(facts.hostNetwork ? {} : { network: networkStats(pod.traffic, time) }),
    ...(facts.volumes.length === 0
      ? {}
      : { volume: volumeStats(facts, storage, disk, node.memoryCapacityBytes, time) }),
    'ephemeral-storage': fsStats(disk, storage.total, time),
    process_stats: { process_count: containers.length },
    swap,
  }
}

function containerStats(
  { name, memoryLimitBytes }: ContainerFacts,
  given: { sample: Sample; space: PodStorage['containers'][number]; disk: Filesystem; startTime: string; time: string },
) {
  const { sample, space, disk, startTime, time } = given
  return {
    name,
    startTime,
    cpu: cpuStats(sample, time),
    memory: memoryStats(sample, memoryLimitBytes, time),
    rootfs: fsStats(disk, space.rootfs, time),
    logs: fsStats(disk, space.logs, time),
    swap: { time, swapUsageBytes: 0 },
  }
}

function systemContainer(name: string, startTime: string, sample: Sample, time: string) {
  const swap = { time, swapUsageBytes: 0 }
  return { name, startTime, cpu: cpuStats(sample, time), memory: memoryStats(sample, undefined, time), swap }
}

function cpuStats(sample: Sample, time: string) {
  return {
    time,
    usageNanoCores: wholeNumber(sample.usageNanoCores),
    usageCoreNanoSeconds: wholeNumber(sample.usageCoreNanoSeconds),
  }
}

function memoryStats(sample: Sample, limitBytes: number | undefined, time: string) {
  return {
    time,
    // JSON omits undefined fields; a spread object would cost a tenth of the whole document.
    availableBytes: limitBytes === undefined ? undefined : wholeNumber(limitBytes - sample.workingSetBytes),
    usageBytes: wholeNumber(sample.usageBytes),
    workingSetBytes: wholeNumber(sample.workingSetBytes),
    rssBytes: wholeNumber(sample.rssBytes),
    pageFaults: wholeNumber(sample.pageFaults),
    majorPageFaults: wholeNumber(sample.majorPageFaults),
  }
}

function networkStats({ rxBytes, txBytes }: Traffic, time: string, { rx: rxErrors, tx: txErrors } = { rx: 0, tx: 0 }) {
  const eth0 = { name: 'eth0', rxBytes: wholeNumber(rxBytes), rxErrors, txBytes: wholeNumber(txBytes), txErrors }
  return { time, ...eth0, interfaces: [eth0] }
}

function sumOfSpaces(spaces: Space[]): Space {
  const sum = { usedBytes: 0, inodesUsed: 0 }
  for (const { usedBytes, inodesUsed } of spaces) {
    sum.usedBytes += usedBytes
    sum.inodesUsed += inodesUsed
  }
  return sum
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}
