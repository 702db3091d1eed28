import { type ContainerMeter, NOTHING, type PodMeter } from '../counters/pod-counters.ts'
import {
  podTraffic,
  type Sample,
  sampleContainer,
  samplePod,
  sumOf,
  type Traffic,
  wholeNumber,
} from '../counters/usage-samples.ts'
import type { NodeFacts, PodFacts } from '../objects/facts.ts'
import type { NodeEntry } from '../store/stats-store.ts'
import { hash, share } from '../usage/pseudo-random.ts'
import { type Filesystem, nodeDisk, type PodStorage, podStorage, type Space } from './filesystem-stats.ts'

const MIB = 2 ** 20

/** One running pod at one moment. */
export interface MeasuredPod {
  facts: PodFacts
  meter: PodMeter
  /** In the order of the facts' containers. */
  containers: Sample[]
  total: Sample
  traffic: Traffic
  storage: PodStorage
}

/** One node and all that runs on it at one moment: what every endpoint and the host metrics are written from, so that they agree. */
export interface MeasuredNode {
  facts: NodeFacts
  seed: number
  nowMs: number
  startMs: number
  pods: MeasuredPod[]
  /** Kubelet and container runtime. */
  system: { name: string; sample: Sample }[]
  /** All pods, in the counters also those that were. */
  ofPods: Sample
  total: Sample
  traffic: Traffic
  disk: Filesystem
  used: Space
}

/**
 * Measures a node at a moment. It adds up, number by number: a pod is the sum of its containers; the node is its pods, its
 * kubelet and its container runtime (and in its counters the pods that were). Running pods only.
 */
export function measureNode(entry: NodeEntry, nowMs: number): MeasuredNode {
  const { facts, retired } = entry
  const seed = hash(facts.uid)
  const pods: MeasuredPod[] = []
  const samples: Sample[] = []
  const space: Space = { usedBytes: 0, inodesUsed: 0 }
  const traffic = nodeTraffic(facts, seed, nowMs)
  traffic.rxBytes += retired.rxBytes
  traffic.txBytes += retired.txBytes
  for (const { facts: pod, meter } of entry.pods.values()) {
    if (meter === undefined) continue
    const measured = measurePod(pod, meter, nowMs)
    // A pod that has ended uses nothing, but what it had used stays with its node.
    samples.push(measured.total)
    traffic.rxBytes += measured.traffic.rxBytes
    traffic.txBytes += measured.traffic.txBytes
    if (!pod.running) continue
    pods.push(measured)
    space.usedBytes += measured.storage.total.usedBytes
    space.inodesUsed += measured.storage.total.inodesUsed
  }
  const system = systemMeters(facts, seed).map(meter => ({ name: meter.name, sample: sampleContainer(meter, nowMs) }))
  const ofPods = sumOf(samples)
  ofPods.pageFaults += retired.pageFaults
  ofPods.majorPageFaults += retired.majorPageFaults
  ofPods.readBytes += retired.readBytes
  ofPods.writtenBytes += retired.writtenBytes
  // Numbers past 2^53 that are added in another order may give a smaller sum; bigints don't.
  let podsCpu = retired.usageCoreNanoSeconds
  for (const sample of samples) podsCpu += BigInt(sample.usageCoreNanoSeconds)
  let nodeCpu = podsCpu
  for (const { sample } of system) nodeCpu += BigInt(sample.usageCoreNanoSeconds)
  ofPods.usageCoreNanoSeconds = Number(podsCpu)
  const total = { ...sumOf([...system.map(each => each.sample), ofPods]), usageCoreNanoSeconds: Number(nodeCpu) }
  const startMs = Math.min(facts.startMs, nowMs)
  return {
    ...{ facts, seed, nowMs, startMs, pods, system, ofPods, total, traffic },
    ...nodeDisk(seed, facts.storageCapacityBytes, space),
  }
}

/** Measures a pod that runs or has run. */
export function measurePod(facts: PodFacts, meter: PodMeter, nowMs: number): MeasuredPod {
  const seeds: number[] = []
  facts.containers.forEach((container, index) => {
    const seed = meter.containers[index]?.seed
    if (container.running && seed !== undefined) seeds.push(seed)
  })
  const samples = samplePod(meter, nowMs)
  const traffic = podTraffic(meter, nowMs, samples.total.usageCoreNanoSeconds)
  return { facts, meter, ...samples, traffic, storage: podStorage(facts, seeds) }
}

/** RFC 3339 in whole seconds, as a kubelet writes it. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/**
 * Kubelet and container runtime, from the node's start. The same mean on every node, since KWOK's own metrics add it too
 * (kwok-config/kwok-resource-metrics.yaml; a test compares), and KWOK's expressions know no hash to vary it by.
 */
export const systemMeans = {
  kubelet: { nanoCores: 40e6, bytes: 110 * MIB },
  runtime: { nanoCores: 45e6, bytes: 90 * MIB },
} as const

/** Meters of a node's kubelet and container runtime, from the node's start. */
export function systemMeters({ startMs }: NodeFacts, seed: number): ContainerMeter[] {
  const meter = (name: keyof typeof systemMeans, salt: number): ContainerMeter => {
    const timing = { kind: 'wave', periodMs: 600_000, phase: share(seed, salt) } as const
    return {
      name,
      seed: hash(`${seed}/${name}`),
      usage: {
        cpu: { ...timing, mean: systemMeans[name].nanoCores, swing: 0.1 },
        memory: { ...timing, mean: systemMeans[name].bytes, swing: 0.02 },
        cpuLimitNanoCores: Number.POSITIVE_INFINITY,
        memoryLimitBytes: Number.POSITIVE_INFINITY,
      },
      sinceMs: startMs,
      gained: NOTHING,
    }
  }
  return [meter('kubelet', 60), meter('runtime', 70)]
}

/** What the node itself sends and receives: 5 to 20 kB/s. */
export function nodeTraffic({ startMs }: Pick<NodeFacts, 'startMs'>, seed: number, nowMs: number): Traffic {
  const ageS = Math.max(0, nowMs - startMs) / 1_000
  return {
    rxBytes: wholeNumber(ageS * (5_000 + 15_000 * share(seed, 80))),
    txBytes: wholeNumber(ageS * (5_000 + 15_000 * share(seed, 81))),
  }
}
