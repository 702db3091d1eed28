import type { CoreCount } from './core-times.ts'
import type { PodMeter } from './pod-counters.ts'
import { podTraffic, samplePod, type Traffic } from './usage-samples.ts'

/** The last counters of a node's deleted pods, so that the node's counters do not decrease when a pod is deleted. */
export interface RetiredPods extends Traffic {
  /** A bigint: the sum is exact in any order of pods. */
  usageCoreNanoSeconds: bigint
  pageFaults: number
  majorPageFaults: number
  readBytes: number
  writtenBytes: number
  /** The idle time served last; it must not decrease when pods use more than the node has. */
  idleCoreNanoSeconds: number
  /** Undefined until host metrics are served. */
  cores?: CoreCount | undefined
}

/** The counters of a new node. */
export function noRetiredPods(): RetiredPods {
  return {
    usageCoreNanoSeconds: 0n,
    pageFaults: 0,
    majorPageFaults: 0,
    rxBytes: 0,
    txBytes: 0,
    readBytes: 0,
    writtenBytes: 0,
    idleCoreNanoSeconds: 0,
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
  })
}

/** Adds the counters that an earlier process kept for the same node. */
export function addRetired(sum: RetiredPods, more: RetiredPods): void {
  sum.usageCoreNanoSeconds += more.usageCoreNanoSeconds
  sum.pageFaults += more.pageFaults
  sum.majorPageFaults += more.majorPageFaults
  sum.rxBytes += more.rxBytes
  sum.txBytes += more.txBytes
  sum.readBytes += more.readBytes
  sum.writtenBytes += more.writtenBytes
  sum.idleCoreNanoSeconds = Math.max(sum.idleCoreNanoSeconds, more.idleCoreNanoSeconds)
  sum.cores ??= more.cores
}
