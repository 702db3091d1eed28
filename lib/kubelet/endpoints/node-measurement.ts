import { type ContainerMeter, type PodMeter, ZERO_COUNTERS } from '../counters/pod-counters.ts'
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
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'
import { nodeDisk, podStorage, type Space } from './filesystem-stats.ts'

const MIB = 2 ** 20

/** One running pod at one moment: its containers in the order of the facts, their sum, traffic and storage. */
export type MeasuredPod = ReturnType<typeof measurePod>

/** One node with its pods at one moment. All endpoints and the host metrics are written from it, so that they agree. */
export type MeasuredNode = ReturnType<typeof measureNode>

/**
 * Measures a node with its running pods. Numbers add up: a pod is the sum of its containers; a node is the sum of its pods, its
 * kubelet and its container runtime (its counters include deleted pods). `system` has kubelet and runtime, `ofPods` the sum of all pods, and
 * `used` the used space of `disk`.
 */
export function measureNode(entry: NodeEntry, nowMs: number) {
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
    // A pod that has ended has no usage, but the node's counters include it.
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
  // Above 2^53 the sum of numbers depends on their order and could decrease; bigints are exact.
  let podsCpu = retired.usageCoreNanoSeconds
  for (const sample of samples) podsCpu += BigInt(sample.usageCoreNanoSeconds)
  let nodeCpu = podsCpu
  for (const { sample } of system) nodeCpu += BigInt(sample.usageCoreNanoSeconds)
  ofPods.usageCoreNanoSeconds = Number(podsCpu)
  const total = { ...sumOf([...system.map(each => each.sample), ofPods]), usageCoreNanoSeconds: Number(nodeCpu) }
  const startMs = Math.min(facts.startMs, nowMs)
  const { disk, used } = nodeDisk(seed, facts.storageCapacityBytes, space)
  const errors = networkErrorsAfter(retired.faultyMs)
  return { facts, seed, nowMs, startMs, pods, system, ofPods, total, traffic, errors, disk, used }
}

/** Packets received and sent with errors by the node's interface: 100 and 50 a second while it has errors. */
function networkErrorsAfter(faultyMs: number) {
  return { rx: Math.floor(faultyMs / 10), tx: Math.floor(faultyMs / 20) }
}

/** Measures a pod that runs or has run. */
function measurePod(facts: PodFacts, meter: PodMeter, nowMs: number) {
  const seeds: number[] = []
  facts.containers.forEach((container, index) => {
    const seed = meter.containers[index]?.seed
    if (container.running && seed !== undefined) seeds.push(seed)
  })
  const samples = samplePod(meter, nowMs)
  const traffic = podTraffic(meter, nowMs, samples.total.usageCoreNanoSeconds)
  return { facts, meter, ...samples, traffic, storage: podStorage(facts, seeds) }
}

/**
 * Mean usage of kubelet and container runtime, equal on every node: kwok-config/kwok-resource-metrics.yaml has the same numbers
 * (a test compares them), and KWOK's expressions cannot vary them by node.
 */
export const systemUsage = {
  kubelet: { nanoCores: 40e6, bytes: 110 * MIB },
  runtime: { nanoCores: 45e6, bytes: 90 * MIB },
} as const

/** Meters of a node's kubelet and container runtime, from the node's start. */
export function systemMeters({ startMs }: NodeFacts, seed: number): ContainerMeter[] {
  const meter = (name: keyof typeof systemUsage, salt: number): ContainerMeter => {
    const timing = { kind: 'wave', periodMs: 600_000, phase: pseudoRandom(seed, salt) } as const
    return {
      name,
      seed: hash(`${seed}/${name}`),
      usage: {
        cpu: { ...timing, mean: systemUsage[name].nanoCores, swing: 0.1 },
        memory: { ...timing, mean: systemUsage[name].bytes, swing: 0.02 },
        cpuLimitNanoCores: Number.POSITIVE_INFINITY,
        memoryLimitBytes: Number.POSITIVE_INFINITY,
      },
      sinceMs: startMs,
      counters: ZERO_COUNTERS,
      restarts: 0,
    }
  }
  return [meter('kubelet', 60), meter('runtime', 70)]
}

/** Traffic of the node itself: 5 to 20 kB/s in each direction. */
export function nodeTraffic({ startMs }: Pick<NodeFacts, 'startMs'>, seed: number, nowMs: number): Traffic {
  const ageS = Math.max(0, nowMs - startMs) / 1_000
  return {
    rxBytes: wholeNumber(ageS * (5_000 + 15_000 * pseudoRandom(seed, 80))),
    txBytes: wholeNumber(ageS * (5_000 + 15_000 * pseudoRandom(seed, 81))),
  }
}
