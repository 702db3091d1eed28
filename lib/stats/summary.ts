import {
  type ContainerMeter,
  type PodMeter,
  podTraffic,
  type Sample,
  sampleContainer,
  samplePod,
  sumOf,
  type Traffic,
  wholeNumber,
} from './counters.ts'
import type { ContainerStats, CpuStats, MemoryStats, NetworkStats, PodStats, Summary } from './document.ts'
import type { NodeFacts, PodFacts } from './objects.ts'
import { type Filesystem, fsStats, nodeDisk, type PodStorage, podStorage, type Space, volumeStats } from './storage.ts'
import type { NodeEntry } from './store.ts'
import { hash, share } from './usage.ts'

const MIB = 2 ** 20

/** One running pod at one moment, measured once and used for itself and for its node. */
interface Measured {
  facts: PodFacts
  meter: PodMeter
  containers: Sample[]
  total: Sample
  traffic: Traffic
  storage: PodStorage
}

/**
 * The document that the kubelet of a node would serve at `/stats/summary` at a moment. It adds up, number by number: a pod
 * is the sum of its containers, the node is its pods, its kubelet and its container runtime (and in its counters the pods
 * that were), ephemeral storage is what lies in the pod's containers and local volumes, and what is available is capacity less
 * working set. Running pods only, and of them the containers that run.
 */
export function buildSummary(entry: NodeEntry, nowMs: number): Summary {
  const { facts, retired } = entry
  const time = timeOf(nowMs)
  const seed = hash(facts.uid)
  const pods: Measured[] = []
  for (const { facts: pod, meter } of entry.pods.values()) {
    if (meter !== undefined) pods.push(measure(pod, meter, nowMs))
  }

  const system = systemMeters(facts, seed)
  const systemSamples = system.map(meter => sampleContainer(meter, nowMs))
  const ofPods = sumOf(pods.map(pod => pod.total))
  ofPods.pageFaults += retired.pageFaults
  ofPods.majorPageFaults += retired.majorPageFaults
  // Numbers past 2^53 that are added in another order may give a smaller sum; bigints don't.
  let podsCpu = retired.usageCoreNanoSeconds
  for (const pod of pods) podsCpu += BigInt(pod.total.usageCoreNanoSeconds)
  let nodeCpu = podsCpu
  for (const sample of systemSamples) nodeCpu += BigInt(sample.usageCoreNanoSeconds)
  ofPods.usageCoreNanoSeconds = Number(podsCpu)
  const total = { ...sumOf([...systemSamples, ofPods]), usageCoreNanoSeconds: Number(nodeCpu) }

  const space: Space = { usedBytes: 0, inodesUsed: 0 }
  const traffic = nodeTraffic(facts, seed, nowMs)
  traffic.rxBytes += retired.rxBytes
  traffic.txBytes += retired.txBytes
  for (const pod of pods) {
    space.usedBytes += pod.storage.total.usedBytes
    space.inodesUsed += pod.storage.total.inodesUsed
    traffic.rxBytes += pod.traffic.rxBytes
    traffic.txBytes += pod.traffic.txBytes
  }
  const { disk, used } = nodeDisk(seed, facts.storageCapacityBytes, space)
  const startTime = timeOf(Math.min(facts.startMs, nowMs))

  return {
    node: {
      nodeName: facts.name,
      systemContainers: [
        ...system.map((meter, index) =>
          systemContainer(meter.name, startTime, systemSamples[index] ?? sumOf([]), time),
        ),
        {
          ...systemContainer('pods', startTime, ofPods, time),
          memory: memoryStats(ofPods, facts.memoryCapacityBytes, time),
        },
      ],
      startTime,
      cpu: cpuStats(total, time),
      memory: memoryStats(total, facts.memoryCapacityBytes, time),
      network: networkStats(traffic, time),
      fs: fsStats(disk, used, time),
    },
    pods: pods.map(pod => podStats(pod, disk, facts.memoryCapacityBytes, nowMs)),
  }
}

function measure(facts: PodFacts, meter: PodMeter, nowMs: number): Measured {
  const seeds: number[] = []
  facts.containers.forEach((container, index) => {
    const seed = meter.containers[index]?.seed
    if (container.running && seed !== undefined) seeds.push(seed)
  })
  return {
    facts,
    meter,
    ...samplePod(meter, nowMs),
    traffic: podTraffic(meter, nowMs),
    storage: podStorage(facts, seeds),
  }
}

function podStats(pod: Measured, disk: Filesystem, memoryCapacityBytes: number | undefined, nowMs: number): PodStats {
  const time = timeOf(nowMs)
  const { facts, meter, total, storage } = pod
  const podStartTime = timeOf(meter.startMs)
  const containers: ContainerStats[] = []
  let limitBytes: number | undefined = 0
  facts.containers.forEach((container, index) => {
    limitBytes = add(limitBytes, container.memoryLimitBytes)
    const sample = pod.containers[index]
    const space = storage.containers[containers.length]
    if (!container.running || sample === undefined || space === undefined) return
    const startedMs = Math.min(container.startedMs ?? meter.startMs, nowMs)
    containers.push({
      name: container.name,
      // Mostly the same moment, and writing a time costs more than all the rest of a container.
      startTime: startedMs === meter.startMs ? podStartTime : timeOf(startedMs),
      cpu: cpuStats(sample, time),
      memory: memoryStats(sample, container.memoryLimitBytes, time),
      rootfs: fsStats(disk, space.rootfs, time),
      logs: fsStats(disk, space.logs, time),
    })
  })
  return {
    podRef: { name: facts.name, namespace: facts.namespace, uid: facts.uid },
    startTime: podStartTime,
    containers,
    cpu: cpuStats(total, time),
    // A pod has a memory limit when each of its containers has one.
    memory: memoryStats(total, limitBytes, time),
    ...(facts.hostNetwork ? {} : { network: networkStats(pod.traffic, time) }),
    ...(facts.volumes.length === 0 ? {} : { volume: volumeStats(facts, storage, disk, memoryCapacityBytes, time) }),
    'ephemeral-storage': fsStats(disk, storage.total, time),
    process_stats: { process_count: containers.length },
  }
}

/** Kubelet and container runtime: at most 60m and 70m, 140 and 110 MiB, from the node's start. */
function systemMeters({ startMs }: NodeFacts, seed: number): ContainerMeter[] {
  const meter = (name: string, salt: number, leastNanoCores: number, leastBytes: number): ContainerMeter => {
    const timing = { periodMs: 600_000, phase: share(seed, salt) }
    return {
      name,
      seed: hash(`${seed}/${name}`),
      usage: {
        cpu: { mean: Math.round(leastNanoCores * (1 + share(seed, salt + 1))), swing: 0.1, ...timing },
        memory: { mean: Math.round(leastBytes * (1 + 0.3 * share(seed, salt + 2))), swing: 0.02, ...timing },
      },
      memoryLimitBytes: Number.POSITIVE_INFINITY,
      sinceMs: startMs,
      gainedCoreNanoSeconds: 0,
    }
  }
  return [meter('kubelet', 60, 25e6, 100 * MIB), meter('runtime', 70, 30e6, 80 * MIB)]
}

function systemContainer(name: string, startTime: string, sample: Sample, time: string): ContainerStats {
  return { name, startTime, cpu: cpuStats(sample, time), memory: memoryStats(sample, undefined, time) }
}

/** What the node itself sends and receives: 5 to 20 kB/s. */
function nodeTraffic({ startMs }: NodeFacts, seed: number, nowMs: number): Traffic {
  const ageS = Math.max(0, nowMs - startMs) / 1_000
  return {
    rxBytes: wholeNumber(ageS * (5_000 + 15_000 * share(seed, 80))),
    txBytes: wholeNumber(ageS * (5_000 + 15_000 * share(seed, 81))),
  }
}

function cpuStats(sample: Sample, time: string): CpuStats {
  return {
    time,
    usageNanoCores: wholeNumber(sample.usageNanoCores),
    usageCoreNanoSeconds: wholeNumber(sample.usageCoreNanoSeconds),
  }
}

function memoryStats(sample: Sample, limitBytes: number | undefined, time: string): MemoryStats {
  return {
    time,
    // JSON leaves out what is undefined, and spreading an object here would cost a tenth of the whole document.
    availableBytes: limitBytes === undefined ? undefined : wholeNumber(limitBytes - sample.workingSetBytes),
    usageBytes: wholeNumber(sample.usageBytes),
    workingSetBytes: wholeNumber(sample.workingSetBytes),
    rssBytes: wholeNumber(sample.rssBytes),
    pageFaults: wholeNumber(sample.pageFaults),
    majorPageFaults: wholeNumber(sample.majorPageFaults),
  }
}

function networkStats({ rxBytes, txBytes }: Traffic, time: string): NetworkStats {
  const eth0 = { name: 'eth0', rxBytes: wholeNumber(rxBytes), rxErrors: 0, txBytes: wholeNumber(txBytes), txErrors: 0 }
  return { time, ...eth0, interfaces: [eth0] }
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}

/** RFC 3339 in whole seconds, as a kubelet writes it. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
