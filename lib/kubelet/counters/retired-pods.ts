import type { CoreCount } from './core-times.ts'
import type { PodMeter } from './pod-counters.ts'
import { podTraffic, samplePod, type Traffic } from './usage-samples.ts'

/** The last counters of pods that ran on a node and are gone: the node's own counters don't fall when a pod goes. */
export interface Retired extends Traffic {
  /** A bigint, so that a node's sum is exact, in whatever order pods come and go. */
  usageCoreNanoSeconds: bigint
  pageFaults: number
  majorPageFaults: number
  readBytes: number
  writtenBytes: number
  /** The most idle time that was served: pods that use more than the node has would make it fall. */
  idleCoreNanoSeconds: number
  /** Undefined while no host metrics have been told. */
  cores?: CoreCount | undefined
}

/** What a node starts with. */
export function nothingRetired(): Retired {
  const bytes = { rxBytes: 0, txBytes: 0, readBytes: 0, writtenBytes: 0 }
  return { usageCoreNanoSeconds: 0n, pageFaults: 0, majorPageFaults: 0, ...bytes, idleCoreNanoSeconds: 0 }
}

/** Adds what a pod leaves that is gone at `nowMs`. */
export function retirePod(sum: Retired, meter: PodMeter, nowMs: number): void {
  const { total } = samplePod(meter, nowMs)
  addRetired(sum, {
    ...total,
    ...podTraffic(meter, nowMs, total.usageCoreNanoSeconds),
    usageCoreNanoSeconds: BigInt(total.usageCoreNanoSeconds),
    idleCoreNanoSeconds: 0,
  })
}

/** Adds what an earlier process knew of the same node. */
export function addRetired(sum: Retired, more: Retired): void {
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
