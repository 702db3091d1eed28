/** What a core has been busy and idle since its node started, in nanoseconds. */
export interface CoreTime {
  busyNs: number
  idleNs: number
}

/** What has to be known of the past to tell a node's cores apart: they share its time evenly, but each only since it is there. */
export interface CoreCount {
  count: number
  /** Since when there are so many (epoch). */
  sinceMs: number
  /** What the node had been busy and idle by then, all its cores together. */
  busyNs: number
  idleNs: number
  /** What each core had been by then; one that isn't listed was not there before. Empty while the count has never changed. */
  before: readonly CoreTime[]
}

/** A node at a moment, as far as its cores' time depends on it. */
export interface CoreMoment {
  cores: number
  startMs: number
  nowMs: number
  busyNs: number
  /** The idle time of all cores together that was told last; it never falls, also where pods use more than the node has. */
  toldIdleNs: number
  /** As it was left by the moment before; undefined at the first. */
  kept: CoreCount | undefined
}

/**
 * The time of each of a node's cores at a moment, and what is to be kept for the next. No core's time ever falls: when the
 * node gets more cores, the new ones begin at nothing; when it gets fewer, those that stay keep what they had.
 */
export function coreTimesAt(moment: CoreMoment): { times: CoreTime[]; idleNs: number; kept: CoreCount } {
  const { cores, startMs, nowMs, busyNs, toldIdleNs } = moment
  const kept = moment.kept ?? { count: cores, sinceMs: startMs, busyNs: 0, idleNs: 0, before: [] }
  const passedNs = (nowMs - kept.sinceMs) * 1e6 * kept.count
  const idleNs = Math.max(toldIdleNs, kept.idleNs + Math.max(0, passedNs - (busyNs - kept.busyNs)))
  const times = Array.from({ length: Math.max(kept.count, kept.before.length) }, (_, at): CoreTime => {
    const { busyNs: busy, idleNs: idle } = kept.before[at] ?? { busyNs: 0, idleNs: 0 }
    if (at >= kept.count) return { busyNs: busy, idleNs: idle }
    return { busyNs: busy + (busyNs - kept.busyNs) / kept.count, idleNs: idle + (idleNs - kept.idleNs) / kept.count }
  })
  if (cores === kept.count) return { times: times.slice(0, cores), idleNs, kept }
  const shown = Array.from({ length: cores }, (_, at) => times[at] ?? { busyNs: 0, idleNs: 0 })
  return { times: shown, idleNs, kept: { count: cores, sinceMs: nowMs, busyNs, idleNs, before: times } }
}

/** How many cores a node of that capacity has, as its host metrics count them: whole ones, one at least and 1,024 at most. */
export function coresOf(capacityNanoCores: number | undefined): number {
  return Math.max(1, Math.min(1_024, Math.round((capacityNanoCores ?? 1e9) / 1e9)))
}
