import type { CoreTime } from '../counters/core-times.ts'
import type { NodeEntry, StatsStore } from '../store/stats-store.ts'
import type { MeasuredNode } from './node-measurement.ts'

/** Values of a node that depend on its past. */
export interface HostExtras {
  /** Mean number of busy cores over the last 1, 5 and 15 minutes. */
  loads: readonly [number, number, number]
  /** Busy and idle time of each core. */
  cores: readonly CoreTime[]
}

const LOAD_SPANS_S = [60, 300, 900] as const

/** Load averages by node: mean busy cores, weighted exponentially as in a kernel. Every reader updates them. */
const averages = new WeakMap<NodeEntry, { uid: string; atMs: number; means: HostExtras['loads'] }>()

/** The extras of a node, for the moment at which it was measured. */
export function hostExtras(entry: NodeEntry, measured: MeasuredNode, store: Pick<StatsStore, 'coreTimes'>): HostExtras {
  const { startMs, nowMs, total } = measured
  const cores = store.coreTimes(entry, { startMs, nowMs, busyNs: total.usageCoreNanoSeconds })
  return { loads: loadAverages(entry, measured), cores }
}

function loadAverages(entry: NodeEntry, { facts: { uid }, nowMs, total }: MeasuredNode): HostExtras['loads'] {
  const busyCores = total.usageNanoCores / 1e9
  const known = averages.get(entry)
  const before = known?.uid === uid ? known : undefined
  const mean = (at: 0 | 1 | 2) => {
    const keep = before === undefined ? 0 : Math.exp(-(nowMs - before.atMs) / 1_000 / LOAD_SPANS_S[at])
    return (before?.means[at] ?? busyCores) * keep + busyCores * (1 - keep)
  }
  const means = [mean(0), mean(1), mean(2)] as const
  averages.set(entry, { uid, atMs: nowMs, means })
  return means
}
