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

/**
 * How counters come about. A container's CPU time is the integral of its usage since its pod started. As long as the usage
 * stays the same curve, that is a pure function of the time, so any number of readers at any rate see one truth. When the
 * usage changes (an annotation, a limit, a container that stops), what was gained so far is put into `gained` and the new
 * usage counts from that moment (`settle()`), so the counter goes on without a step. The other counters (network, disk, page
 * faults) are made from CPU time and age, and so share its laws.
 *
 * A new UID is a new meter, and so starts at nothing. Container restarts don't reset a meter: it lives as long as the pod.
 */
export interface ContainerMeter {
  name: string
  /** Of UID and name, for whatever else is made up about it. */
  seed: number
  usage: ContainerUsage
  /** The usage holds since then (epoch). */
  sinceMs: number
  /** What was counted before that. */
  gained: Readonly<Gained>
}

/** What a container has gained of everything that is counted by itself. Times are whole milliseconds but for throttling. */
export interface Gained {
  coreNanoSeconds: number
  /** It ran under a CPU limit. */
  limitedMs: number
  /** It wanted more CPU than its limit. */
  overMs: number
  /** The kernel held it still for that. */
  throttledMs: number
  /** It wanted more memory than its limit. */
  memoryOverMs: number
}

export interface PodMeter {
  /** When the pod started, but never in the future (epoch). */
  startMs: number
  /** When it stopped, if it has: its age ends then. */
  endMs?: number
  seed: number
  containers: ContainerMeter[]
}

/** A gap of more samples than this (an hour) is measured by as many. */
const MOST_SAMPLES = 360

/** A meter for a running pod that is seen for the first time at `nowMs`. */
export function createPodMeter(pod: PodFacts, nowMs: number, sources: UsageSources = defaultSources): PodMeter {
  const startMs = Math.min(pod.startMs, nowMs)
  return {
    startMs,
    seed: hash(pod.uid),
    containers: pod.containers.map(container => ({
      name: container.name,
      seed: hash(`${pod.uid}/${container.name}`),
      usage: containerUsage(pod, container, sources),
      sinceMs: startMs,
      gained: NOTHING,
    })),
  }
}

/**
 * Takes up what has changed about a pod at `nowMs`; times of one meter mustn't go back. Returns whether it is counted
 * otherwise from now on.
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
  pod.containers.forEach((container, index) => {
    const before = meter.containers[index]
    // A pod's containers never change in its life; their order neither.
    if (before === undefined || before.name !== container.name) return
    const usage = containerUsage(pod, container, sources)
    if (sameUsage(before.usage, usage)) {
      // The same levels, but asked of the Pod as it is now: the text of the one before is about to go.
      if (isSampledUsage(usage)) before.usage = usage
      return
    }
    settleContainer(before, nowMs)
    before.usage = usage
    changed = true
  })
  return changed
}

/** Whether a pod's counters depend on when they are read, so that what was read has to be kept. */
export function isSampled({ containers }: PodMeter): boolean {
  return containers.some(({ usage }) => isSampledUsage(usage))
}

/** Puts what has been gained by now into the meter. Every counter stays as it is. */
export function settle(meter: PodMeter, nowMs: number): void {
  for (const container of meter.containers) settleContainer(container, nowMs)
}

/** What a container has gained by a time. */
export function gainedAt({ gained, usage, sinceMs }: ContainerMeter, nowMs: number): Readonly<Gained> {
  if (nowMs <= sinceMs) return gained
  const { cpu, memory, cpuLimitNanoCores, memoryLimitBytes } = usage
  const sum = { ...gained }
  if (cpuLimitNanoCores !== Number.POSITIVE_INFINITY) sum.limitedMs += nowMs - sinceMs
  if (cpu.kind !== 'sampled') {
    const { coreNanoSeconds, overMs, throttledMs } = cpuGain(cpu, cpuLimitNanoCores, sinceMs, nowMs)
    sum.coreNanoSeconds += coreNanoSeconds
    sum.overMs += overMs
    sum.throttledMs += throttledMs
  } else {
    eachSample(sinceMs, nowMs, (atMs, spanMs) => {
      const level = cpu.level(atMs)
      // Rounded down piece by piece: whole numbers add up the same in whatever pieces time is cut at its tens of seconds.
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

/** What a meter has gained at first; one for all, for most containers never have another. */
export const NOTHING: Readonly<Gained> = {
  ...{ coreNanoSeconds: 0, limitedMs: 0, overMs: 0, throttledMs: 0, memoryOverMs: 0 },
}

function isSampledUsage({ cpu, memory }: ContainerUsage): boolean {
  return cpu.kind === 'sampled' || memory.kind === 'sampled'
}

function settleContainer(container: ContainerMeter, nowMs: number): void {
  if (nowMs <= container.sinceMs) return
  container.gained = gainedAt(container, nowMs)
  container.sinceMs = nowMs
}

/** Cuts a stretch of time where samples change, or into `MOST_SAMPLES` equal pieces. */
function eachSample(fromMs: number, untilMs: number, take: (atMs: number, spanMs: number) => void): void {
  const pieceMs = SAMPLE_MS * Math.max(1, Math.ceil((untilMs - fromMs) / SAMPLE_MS / MOST_SAMPLES))
  for (let atMs = fromMs; atMs < untilMs; ) {
    const endMs = Math.min(untilMs, sampleTime(atMs) + pieceMs)
    take(sampleTime(atMs), endMs - atMs)
    atMs = endMs
  }
}

/** When the sample that holds at a time was taken. */
export function sampleTime(timeMs: number): number {
  return Math.floor(timeMs / SAMPLE_MS) * SAMPLE_MS
}
