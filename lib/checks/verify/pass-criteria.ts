/**
 * When a number passes.
 *
 * Verify computes the value that a query must show without PromQL, from a `ClusterState`: the objects of the API and the usage of the pods
 * at one time. The value has `Bounds`. A number passes when it lies between `least` and `most`, with a tolerance for usage
 * (`passes`). A series may be missing where the bounds say so, or where 0 is possible and the query does not show zeros
 * (`mayBeMissing`). A series that is not expected at all passes only as 0.
 *
 * The bounds widen in three steps. A step applies only to numbers that fail the step before:
 *
 * 1. Now. A count, a request or a limit has one exact value: `least` equals `most`. A usage has the bounds of its window, because the
 *    first and the last sample of a rate, or the one sample of a level, can be up to a collection interval old. A pod that
 *    started inside the window counts from 0 to twice its usage, and may be absent.
 * 2. One look-back earlier (`KnownStates.lookback`). Prometheus returns the series of a deleted pod for its look-back, together with those of the pods
 *    that replace it. So `least` stays the value of now, and `most` is the value of the union: every object of either
 *    state, with the larger of its two amounts. The old state is the revision that etcd had then; without one this step is skipped.
 * 3. Wait (`KnownStates.earlier`). Verify waits for a collection interval, reads the cluster and runs the query again, until the number passes
 *    or `retryMs` are over. Prometheus can be anywhere between two readings, so `least` is the smallest
 *    value of now and the earlier readings, and `most` the value of the union of all states. A reading is
 *    dropped when Prometheus can no longer return anything of it (`lingerMs`).
 *
 * Calls have step 1 only, on each reading: their spans state when they happened. A failure that no change of the cluster can explain, such as a
 * refused query, is final at once (`mayPassLater` is false).
 */
import type { TracedCalls } from './call-truth.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import type { Dimension } from './dimensions.ts'
import type { Bounds, UsageSource } from './usage-bounds.ts'

/** A cluster at one time, as far as expected values are computed from it. */
export interface ClusterState {
  snapshot: ClusterSnapshot
  usage: UsageSource
  /** The time for which the usage is known (epoch), if that is not now. */
  untilMs?: number
  /** Reads the spans of the 90 s before a time; gives undefined when there are too many. Missing without Jaeger or traced services. */
  readCalls?: (untilMs: number) => Promise<TracedCalls | undefined>
  /** The result of `readCalls`. */
  calls?: TracedCalls | undefined
}

/** The states of a cluster that Prometheus can still show. */
export interface KnownStates {
  now: ClusterState
  /** Earlier readings of this run, the oldest first (step 3). */
  earlier: readonly ClusterState[]
  /** The state one look-back before `now` (step 2). */
  lookback?: ClusterState
}

/** One reading of the cluster, and the time of all queries that are compared with it. */
export interface Reading {
  /** Epoch. */
  untilMs: number
  /** Undefined where no cluster can be read. */
  states: KnownStates | undefined
  /** `states` with the one a look-back earlier; undefined where that one is not known. */
  withHistory: () => Promise<KnownStates | undefined>
}

/** Reads the states of a cluster. */
export interface StateReader {
  /** The sources, for messages: "the API and the usage model". */
  name: string
  read(): Promise<ClusterState>
  /** The state at a time (epoch) of the last minutes; undefined where it is not known any more. */
  readAt?(timeMs: number): Promise<ClusterState | undefined>
}

/** The values of a dimension that a query is restricted to; filters with the same text allow the same values. */
export interface Filter {
  text: string
  allows: (value: string) => boolean
}

/** The restrictions of a query. */
export type Filters = ReadonlyMap<Dimension, Filter>

/** Steps 2 and 3: the bounds of a value by its bounds in `now` and each of `earlier`, and its bounds in the union of all states. */
export function boundsOverTime(readings: readonly Bounds[], union: Bounds): Bounds {
  const least = Math.min(...readings.map(bounds => bounds.least))
  const mayBeAbsent = readings.some(bounds => bounds.mayBeAbsent === true)
  return { least, most: union.most, ...(mayBeAbsent ? { mayBeAbsent } : {}) }
}

/** Whether a number lies within its bounds; `tolerance` is a fraction of each bound. */
export function passes(value: number, { least, most }: Bounds, tolerance: number): boolean {
  return value >= least - Math.abs(least) * tolerance && value <= most + Math.abs(most) * tolerance
}

/** Whether a series may be missing; `isShownAtZero`: the query has a series also where the value is 0. */
export function mayBeMissing({ least, mayBeAbsent = false }: Bounds, isShownAtZero: boolean): boolean {
  return mayBeAbsent || (least === 0 && !isShownAtZero)
}
