import type { PodFacts } from './objects.ts'
import { type ContainerUsage, containerUsage, hash, integral, levelAt, sameWave, share } from './usage.ts'

/**
 * How counters come about. A container's CPU time is the integral of its usage since its pod started. As long as the usage
 * model stays the same, that is a pure function of the time (`integral()`), so any number of readers at any rate see one
 * truth and a restarted proxy goes on where it was. When the model changes (an annotation, a limit, a container that stops),
 * what was gained so far is put into `gainedCoreNanoSeconds` and the new model counts from that moment (`changeUsage()`), so
 * the counter goes on without a step; only a restart after such a change counts as if the newest model had always held. The
 * other counters (network, page faults) are made from CPU time and age, and so share its laws.
 *
 * A new UID is a new meter, and so starts at nothing. Container restarts don't reset a meter: it lives as long as the pod.
 */
export interface ContainerMeter {
  name: string
  /** Of UID and name, for whatever else is made up about it. */
  seed: number
  usage: ContainerUsage
  /** Bounds memory, page cache included. */
  memoryLimitBytes: number
  /** The usage holds since then (epoch). */
  sinceMs: number
  /** CPU time from before that. */
  gainedCoreNanoSeconds: number
}

export interface PodMeter {
  /** When the pod started, but never in the future (epoch). */
  startMs: number
  seed: number
  containers: ContainerMeter[]
}

/** Levels and counters of one container or pod, or the sum of several. All whole numbers. */
export interface Sample {
  usageNanoCores: number
  usageCoreNanoSeconds: number
  usageBytes: number
  workingSetBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
}

/** What has gone over a network since the start, in bytes. */
export interface Traffic {
  rxBytes: number
  txBytes: number
}

/** A meter for a running pod that is seen for the first time at `nowMs`. */
export function createPodMeter(pod: PodFacts, nowMs: number): PodMeter {
  const startMs = Math.min(pod.startMs, nowMs)
  return {
    startMs,
    seed: hash(pod.uid),
    containers: pod.containers.map(container => ({
      name: container.name,
      seed: hash(`${pod.uid}/${container.name}`),
      usage: containerUsage(pod, container),
      memoryLimitBytes: container.memoryLimitBytes ?? Number.POSITIVE_INFINITY,
      sinceMs: startMs,
      gainedCoreNanoSeconds: 0,
    })),
  }
}

/** Takes up what has changed about a pod at `nowMs`; times of one meter mustn't go back. */
export function changeUsage(meter: PodMeter, pod: PodFacts, nowMs: number): void {
  pod.containers.forEach((container, index) => {
    const before = meter.containers[index]
    // A pod's containers never change in its life; their order neither.
    if (before === undefined || before.name !== container.name) return
    const usage = containerUsage(pod, container)
    if (!sameWave(before.usage.cpu, usage.cpu)) {
      before.gainedCoreNanoSeconds = coreNanoSeconds(before, nowMs)
      before.sinceMs = nowMs
    }
    before.usage = usage
    before.memoryLimitBytes = container.memoryLimitBytes ?? Number.POSITIVE_INFINITY
  })
}

/** A container's figures. */
export function sampleContainer(meter: ContainerMeter, nowMs: number): Sample {
  const cpu = coreNanoSeconds(meter, nowMs)
  const workingSetBytes = wholeNumber(levelAt(meter.usage.memory, nowMs))
  return {
    usageNanoCores: wholeNumber(levelAt(meter.usage.cpu, nowMs)),
    usageCoreNanoSeconds: wholeNumber(cpu),
    usageBytes: wholeNumber(Math.min(workingSetBytes * 1.1, meter.memoryLimitBytes)),
    workingSetBytes,
    rssBytes: wholeNumber(workingSetBytes * (0.6 + 0.3 * share(meter.seed, 10))),
    // Some at the start, then 20 to 60 a second of CPU.
    pageFaults: wholeNumber(900 + 400 * share(meter.seed, 11) + cpu * 1e-9 * (20 + 40 * share(meter.seed, 12))),
    majorPageFaults: Math.floor(5 * share(meter.seed, 13)),
  }
}

/**
 * A pod's traffic, which goes with its CPU time: 100 to 400 kB received and 50 to 450 kB sent a core and second, on top of
 * probes.
 */
export function podTraffic(meter: PodMeter, nowMs: number): Traffic {
  let cpu = 0
  for (const container of meter.containers) cpu += coreNanoSeconds(container, nowMs)
  const coreSeconds = cpu * 1e-9
  const ageS = Math.max(0, nowMs - meter.startMs) / 1_000
  return {
    rxBytes: wholeNumber(ageS * 120 + coreSeconds * (1e5 + 3e5 * share(meter.seed, 20))),
    txBytes: wholeNumber(ageS * 150 + coreSeconds * (5e4 + 4e5 * share(meter.seed, 21))),
  }
}

/** A pod's containers in the order of its meter, and their sum, those that no longer run included. */
export function samplePod(meter: PodMeter, nowMs: number): { containers: Sample[]; total: Sample } {
  const containers = meter.containers.map(container => sampleContainer(container, nowMs))
  return { containers, total: sumOf(containers) }
}

/** The sum of samples, field by field. */
export function sumOf(samples: Iterable<Sample>): Sample {
  const sum: Sample = {
    usageNanoCores: 0,
    usageCoreNanoSeconds: 0,
    usageBytes: 0,
    workingSetBytes: 0,
    rssBytes: 0,
    pageFaults: 0,
    majorPageFaults: 0,
  }
  for (const sample of samples) {
    sum.usageNanoCores += sample.usageNanoCores
    sum.usageCoreNanoSeconds += sample.usageCoreNanoSeconds
    sum.usageBytes += sample.usageBytes
    sum.workingSetBytes += sample.workingSetBytes
    sum.rssBytes += sample.rssBytes
    sum.pageFaults += sample.pageFaults
    sum.majorPageFaults += sample.majorPageFaults
  }
  return sum
}

/**
 * The nearest whole number that a Go uint64 takes: the collector drops a node's whole document for one number that isn't
 * (facts/otel.md 4.3). Below 2^53 it is exact. Above (104 core-days of CPU time, which a node of 32 cores reaches in a few
 * days) it is a multiple of 2, 4, …: an error of 10^-16, and a larger value never gives a smaller number, so counters still
 * don't fall (sums over pods that come and go are made of bigints for that). It stops at 2^63 (292 core-years), long before JavaScript prints an exponent.
 */
export function wholeNumber(value: number): number {
  return value > 0 ? Math.min(Math.round(value), 2 ** 63) : 0
}

function coreNanoSeconds(meter: ContainerMeter, nowMs: number): number {
  return meter.gainedCoreNanoSeconds + integral(meter.usage.cpu, meter.sinceMs, nowMs)
}
