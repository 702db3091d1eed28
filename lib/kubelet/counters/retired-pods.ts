import type { CoreCount } from './core-times.ts'
import { type KubeletWork, kubeletWork, sumOfWork, workAt } from './kubelet-work.ts'
import type { PodMeter } from './pod-counters.ts'
import { podTraffic, samplePod } from './usage-samples.ts'

/** The counters of deleted pods that are numbers, in the order of their saved form. */
export const RETIRED = ['pageFaults', 'majorPageFaults', 'rxBytes', 'txBytes', 'readBytes', 'writtenBytes'] as const

/** The last counters of a node's deleted pods, so that the node's counters do not decrease when a pod is deleted. */
export type RetiredPods = Record<(typeof RETIRED)[number], number> & {
  /** A bigint: the sum is exact in any order of pods. */
  usageCoreNanoSeconds: bigint
  /** The idle time served last; it must not decrease when pods use more than the node has. */
  idleCoreNanoSeconds: number
  /** How long the node's network has had errors, and the time until which that was counted, while it has. */
  faultyMs: number
  faultyUntilMs?: number | undefined
  /** Undefined until host metrics are served. */
  cores?: CoreCount | undefined
  /** What the kubelet had done for them. */
  work: KubeletWork
}

/** The counters of a new node, or of these numbers in the order of `RETIRED`. */
export function noRetiredPods(numbers: readonly number[] = []): RetiredPods {
  const counters = Object.fromEntries(RETIRED.map((name, index) => [name, numbers[index] ?? 0]))
  return {
    ...(counters as Record<(typeof RETIRED)[number], number>),
    usageCoreNanoSeconds: 0n,
    idleCoreNanoSeconds: 0,
    faultyMs: 0,
    work: kubeletWork(),
  }
}

/** Adds the counters of a pod that is deleted at `nowMs`. */
export function retirePod(sum: RetiredPods, meter: PodMeter, nowMs: number): void {
  const { total } = samplePod(meter, nowMs)
  addRetired(sum, {
    ...total,
    ...podTraffic(meter, nowMs, total.usageCoreNanoSeconds),
    usageCoreNanoSeconds: BigInt(total.usageCoreNanoSeconds),
    idleCoreNanoSeconds: 0,
    faultyMs: 0,
    work: workAt(meter, nowMs),
  })
}

/** Counts the time during which a node's network has errors. */
export function countFaults(sum: RetiredPods, isFaulty: boolean, nowMs: number): void {
  if (sum.faultyUntilMs !== undefined) sum.faultyMs += nowMs - sum.faultyUntilMs
  sum.faultyUntilMs = isFaulty ? nowMs : undefined
}

/** Adds the counters that an earlier process kept for the same node. */
export function addRetired(sum: RetiredPods, more: RetiredPods): void {
  for (const name of RETIRED) sum[name] += more[name]
  sum.usageCoreNanoSeconds += more.usageCoreNanoSeconds
  sum.idleCoreNanoSeconds = Math.max(sum.idleCoreNanoSeconds, more.idleCoreNanoSeconds)
  sum.faultyMs += more.faultyMs
  sum.cores ??= more.cores
  sum.work = sumOfWork([sum.work, more.work])
}
