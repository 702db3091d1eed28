/** Busy and idle time of a core since its node started, in nanoseconds. */
export interface CoreTime {
  busyNs: number
  idleNs: number
}

/** The history of a node's core count: cores share the node's time evenly, each since it was added. */
export interface CoreCount {
  count: number
  /** When the count last changed (epoch). */
  sinceMs: number
  /** Busy and idle time of all cores together at `sinceMs`. */
  busyNs: number
  idleNs: number
  /** The time of each core at `sinceMs`; later cores are not listed. Empty until the count changes. */
  before: readonly CoreTime[]
}

/** The values of a node at a moment that its cores' times depend on. */
export interface CoreMoment {
  cores: number
  startMs: number
  nowMs: number
  busyNs: number
  /** The idle time of all cores together that was served last. It never decreases, even if pods use more than the node has. */
  servedIdleNs: number
  /** The history returned for the previous moment; undefined for the first. */
  kept: CoreCount | undefined
}

/**
 * The time of each core of a node at a moment, and the history to pass for the next. No core's time decreases: cores that
 * are added start at zero, and the remaining ones keep their time when cores are removed.
 */
export function coreTimesAt(moment: CoreMoment): { times: CoreTime[]; idleNs: number; kept: CoreCount } {
  const { cores, startMs, nowMs, busyNs, servedIdleNs } = moment
  const kept = moment.kept ?? { count: cores, sinceMs: startMs, busyNs: 0, idleNs: 0, before: [] }
  const passedNs = (nowMs - kept.sinceMs) * 1e6 * kept.count
  const idleNs = Math.max(servedIdleNs, kept.idleNs + Math.max(0, passedNs - (busyNs - kept.busyNs)))
  const times = Array.from({ length: Math.max(kept.count, kept.before.length) }, (_, at): CoreTime => {
    const { busyNs: busy, idleNs: idle } = kept.before[at] ?? { busyNs: 0, idleNs: 0 }
    if (at >= kept.count) return { busyNs: busy, idleNs: idle }
    return { busyNs: busy + (busyNs - kept.busyNs) / kept.count, idleNs: idle + (idleNs - kept.idleNs) / kept.count }
  })
  if (cores === kept.count) return { times: times.slice(0, cores), idleNs, kept }
  const shown = Array.from({ length: cores }, (_, at) => times[at] ?? { busyNs: 0, idleNs: 0 })
  return { times: shown, idleNs, kept: { count: cores, sinceMs: nowMs, busyNs, idleNs, before: times } }
}

/** The number of cores in the host metrics of a node with this capacity, from 1 to 1,024. */
export function coresOf(capacityNanoCores: number | undefined): number {
  return Math.max(1, Math.min(1_024, Math.round((capacityNanoCores ?? 1e9) / 1e9)))
}
