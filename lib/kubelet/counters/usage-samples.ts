import { share } from '../usage/pseudo-random.ts'
import { demandAt } from '../usage/usage-model.ts'
import { type ContainerMeter, gainedAt, type PodMeter, sampleTime } from './pod-counters.ts'

const MIB = 2 ** 20

/** Levels and counters of one container or pod, or the sum of several. All whole numbers. */
export interface Sample {
  usageNanoCores: number
  usageCoreNanoSeconds: number
  usageBytes: number
  workingSetBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
  readBytes: number
  writtenBytes: number
}

/** What has gone over a network since the start, in bytes. */
export interface Traffic {
  rxBytes: number
  txBytes: number
}

/** A container's figures. */
export function sampleContainer(meter: ContainerMeter, nowMs: number): Sample {
  const { usage, seed } = meter
  const cpu = gainedAt(meter, nowMs).coreNanoSeconds
  const at = sampleTime(nowMs)
  const wanted = demandAt(usage.memory, usage.memory.kind === 'sampled' ? at : nowMs)
  const workingSetBytes = wholeNumber(Math.min(wanted, usage.memoryLimitBytes))
  const level = demandAt(usage.cpu, usage.cpu.kind === 'sampled' ? at : nowMs)
  const coreSeconds = cpu * 1e-9
  return {
    usageNanoCores: wholeNumber(Math.min(level, usage.cpuLimitNanoCores)),
    usageCoreNanoSeconds: wholeNumber(cpu),
    usageBytes: wholeNumber(Math.min(workingSetBytes * 1.1, usage.memoryLimitBytes)),
    workingSetBytes,
    rssBytes: wholeNumber(workingSetBytes * (0.6 + 0.3 * share(seed, 10))),
    // Some at the start, then 20 to 60 a second of CPU.
    pageFaults: wholeNumber(900 + 400 * share(seed, 11) + coreSeconds * (20 + 40 * share(seed, 12))),
    majorPageFaults: Math.floor(5 * share(seed, 13)),
    // Its program is read at the start; then 20 to 100 kB read and 50 to 250 kB written a second of CPU.
    readBytes: wholeNumber((1 + 5 * share(seed, 14)) * MIB + coreSeconds * (2e4 + 8e4 * share(seed, 15))),
    writtenBytes: wholeNumber(coreSeconds * (5e4 + 2e5 * share(seed, 16))),
  }
}

/**
 * A pod's traffic, which goes with its CPU time: 100 to 400 kB received and 50 to 450 kB sent a core and second, on top of
 * probes.
 */
export function podTraffic(meter: PodMeter, nowMs: number, cpuCoreNanoSeconds?: number): Traffic {
  let cpu = cpuCoreNanoSeconds ?? 0
  if (cpuCoreNanoSeconds === undefined) {
    for (const container of meter.containers) cpu += wholeNumber(gainedAt(container, nowMs).coreNanoSeconds)
  }
  const coreSeconds = cpu * 1e-9
  const ageS = Math.max(0, (meter.endMs ?? nowMs) - meter.startMs) / 1_000
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
    readBytes: 0,
    writtenBytes: 0,
  }
  for (const sample of samples) {
    sum.usageNanoCores += sample.usageNanoCores
    sum.usageCoreNanoSeconds += sample.usageCoreNanoSeconds
    sum.usageBytes += sample.usageBytes
    sum.workingSetBytes += sample.workingSetBytes
    sum.rssBytes += sample.rssBytes
    sum.pageFaults += sample.pageFaults
    sum.majorPageFaults += sample.majorPageFaults
    sum.readBytes += sample.readBytes
    sum.writtenBytes += sample.writtenBytes
  }
  return sum
}

/**
 * The nearest whole number that a Go uint64 takes: the collector drops a node's whole document for one number that isn't
 * (facts/otel.md 4.3). Below 2^53 it is exact. Above (104 core-days of CPU time, which a node of 32 cores reaches in a few
 * days) it is a multiple of 2, 4, …: an error of 10^-16, and a larger value never gives a smaller number, so counters still
 * don't fall (sums over pods that come and go are made of bigints for that). It stops at 2^63 (292 core-years), long before
 * JavaScript prints an exponent.
 */
export function wholeNumber(value: number): number {
  return value > 0 ? Math.min(Math.round(value), 2 ** 63) : 0
}
