import type { PodFacts } from '../objects/facts.ts'
import { hash } from '../usage/pseudo-random.ts'
import { cpuGain, overMsOf } from '../usage/usage-curves.ts'
import {
  type ContainerUsage,
  containerUsage,
  defaultSources,
  SAMPLE_MS,
  sameUsage,
  type UsageSources,
} from '../usage/usage-model.ts'
import { type KubeletWork, largerWork } from './kubelet-work.ts'

/**
 * The state from which the counters of a container are computed. Its CPU time is the integral of its usage since the start of
 * its run. While the usage is the same curve, the CPU time is a pure function of the time: all readers see the same value. When
 * the usage changes (an annotation, a limit, a container that stops), `settle()` adds the integral so far to `counters`, and
 * the new usage counts from then on, so the counter has no step. The other counters (network, disk, page faults) are derived
 * from CPU time and age.
 *
 * A new UID gets a new meter, which starts at zero. The counters of a restarted container start at zero too; those of the pod continue, so
 * that the meter keeps the runs that have ended.
 */
export interface ContainerMeter {
  name: string
  /** Hash of UID and name, for all pseudo-random values of the container. */
  seed: number
  usage: ContainerUsage
  /** The usage is valid since then (epoch). */
  sinceMs: number
  /** The counters at `sinceMs`. */
  counters: Readonly<ContainerCounters>
  /** The restarts before this run. */
  restarts: number
  /** The runs before this one. */
  ended?: EndedRuns
}

/** The earlier runs of a container: their number, and their CPU time together. */
export interface EndedRuns {
  runs: number
  coreNanoSeconds: number
}

/** The counters of a container that are not derived from others. Times are whole milliseconds, except for throttling. */
export interface ContainerCounters {
  coreNanoSeconds: number
  /** Time under a CPU limit. */
  limitedMs: number
  /** Time with a CPU demand above the limit. */
  overMs: number
  /** Time throttled. */
  throttledMs: number
  /** Time with a memory demand above the limit. */
  memoryOverMs: number
}

export interface PodMeter {
  /** When the pod started (epoch), never in the future. */
  startMs: number
  /** When the pod stopped running, where its age ends. */
  endMs?: number
  seed: number
  containers: ContainerMeter[]
  /** What the kubelet has done for the pod, without the syncs. It never decreases. */
  work: KubeletWork
}

/** The most samples for a time span (an hour of them); a longer span is cut into this many pieces. */
const MAX_SAMPLES = 360

/** A meter for a running pod that is first seen at `nowMs`. */
export function createPodMeter(pod: PodFacts, nowMs: number, sources: UsageSources = defaultSources): PodMeter {
  const startMs = Math.min(pod.startMs, nowMs)
  return {
    startMs,
    seed: hash(pod.uid),
    containers: pod.containers.map(container => ({
      name: container.name,
      seed: hash(`${pod.uid}/${container.name}`),
      usage: containerUsage(pod, container, sources),
      sinceMs: container.restarts > 0 ? Math.min(container.startedMs ?? startMs, nowMs) : startMs,
      counters: ZERO_COUNTERS,
      restarts: container.restarts,
    })),
    work: pod.work,
  }
}

/**
 * Updates a meter for a changed pod; `nowMs` must not decrease from call to call. Returns whether the usage, the work or the end changed.
 */
export function changeUsage(
  meter: PodMeter,
  pod: PodFacts,
  nowMs: number,
  sources: UsageSources = defaultSources,
): boolean {
  let changed = pod.running !== (meter.endMs === undefined)
  if (pod.running) delete meter.endMs
  else meter.endMs ??= nowMs
  const work = largerWork(meter.work, pod.work)
  if (work !== meter.work) changed = true
  meter.work = work
  pod.containers.forEach((container, index) => {
    const before = meter.containers[index]
    // Containers of a pod and their order never change.
    if (before === undefined || before.name !== container.name) return
    if (container.restarts > before.restarts) {
      beginRun(before, Math.min(container.startedMs ?? nowMs, nowMs), nowMs)
      before.restarts = container.restarts
      changed = true
    }
    const usage = containerUsage(pod, container, sources)
    if (sameUsage(before.usage, usage)) {
      // The levels are equal, but the old usage refers to the text of the old Pod, which will be released.
      if (isSampledUsage(usage)) before.usage = usage
      return
    }
    settleContainer(before, nowMs)
    before.usage = usage
    changed = true
  })
  return changed
}

/** Whether a pod's counters depend on when they are read, so that each value read must be kept. */
export function isSampled({ containers }: PodMeter): boolean {
  return containers.some(({ usage }) => isSampledUsage(usage))
}

/** Stores the counters at `nowMs` in the meter; no counter changes. */
export function settle(meter: PodMeter, nowMs: number): void {
  for (const container of meter.containers) settleContainer(container, nowMs)
}

/** The counters of a container at a time. */
export function countersAt({ counters, usage, sinceMs }: ContainerMeter, nowMs: number): Readonly<ContainerCounters> {
  if (nowMs <= sinceMs) return counters
  const { cpu, memory, cpuLimitNanoCores, memoryLimitBytes } = usage
  const sum = { ...counters }
  if (cpuLimitNanoCores !== Number.POSITIVE_INFINITY) sum.limitedMs += nowMs - sinceMs
  if (cpu.kind !== 'sampled') {
    const { coreNanoSeconds, overMs, throttledMs } = cpuGain(cpu, cpuLimitNanoCores, sinceMs, nowMs)
    sum.coreNanoSeconds += coreNanoSeconds
    sum.overMs += overMs
    sum.throttledMs += throttledMs
  } else {
    eachSample(sinceMs, nowMs, (atMs, spanMs) => {
      const level = cpu.level(atMs)
      // Rounded down for each sample, so that the sum is the same for any split of the time at sample boundaries.
      sum.coreNanoSeconds += Math.floor((Math.min(level, cpuLimitNanoCores) * spanMs) / 1_000)
      if (level <= cpuLimitNanoCores) return
      sum.overMs += spanMs
      sum.throttledMs += spanMs * (1 - cpuLimitNanoCores / level)
    })
  }
  if (memoryLimitBytes === Number.POSITIVE_INFINITY) return sum
  if (memory.kind !== 'sampled') sum.memoryOverMs += overMsOf(memory, memoryLimitBytes, sinceMs, nowMs)
  else {
    eachSample(sinceMs, nowMs, (atMs, spanMs) => {
      if (memory.level(atMs) > memoryLimitBytes) sum.memoryOverMs += spanMs
    })
  }
  return sum
}

/** The counters of a new meter. One object for all: the counters of most containers are never replaced. */
export const ZERO_COUNTERS: Readonly<ContainerCounters> = {
  coreNanoSeconds: 0,
  limitedMs: 0,
  overMs: 0,
  throttledMs: 0,
  memoryOverMs: 0,
}

function isSampledUsage({ cpu, memory }: ContainerUsage): boolean {
  return cpu.kind === 'sampled' || memory.kind === 'sampled'
}

function settleContainer(container: ContainerMeter, nowMs: number): void {
  if (nowMs <= container.sinceMs) return
  container.counters = countersAt(container, nowMs)
  container.sinceMs = nowMs
}

/** The container was restarted: its counters start at zero. */
function beginRun(container: ContainerMeter, startedMs: number, nowMs: number): void {
  const { runs = 0, coreNanoSeconds = 0 } = container.ended ?? {}
  // Rounded as it was served.
  const own = Math.round(countersAt(container, nowMs).coreNanoSeconds)
  container.ended = { runs: runs + 1, coreNanoSeconds: coreNanoSeconds + own }
  container.counters = ZERO_COUNTERS
  container.sinceMs = startedMs
}

/** Cuts a time span at sample boundaries, or into `MAX_SAMPLES` equal pieces. */
function eachSample(fromMs: number, untilMs: number, take: (atMs: number, spanMs: number) => void): void {
  const pieceMs = SAMPLE_MS * Math.max(1, Math.ceil((untilMs - fromMs) / SAMPLE_MS / MAX_SAMPLES))
  for (let atMs = fromMs; atMs < untilMs; ) {
    const endMs = Math.min(untilMs, sampleTime(atMs) + pieceMs)
    take(sampleTime(atMs), endMs - atMs)
    atMs = endMs
  }
}

/** The time of the sample that is valid at a time. */
export function sampleTime(timeMs: number): number {
  return Math.floor(timeMs / SAMPLE_MS) * SAMPLE_MS
}
