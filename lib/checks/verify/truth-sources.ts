import type { TracedCalls } from './call-truth.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import type { UsageSource } from './usage-bounds.ts'

/** What truth is computed from. */
export interface TruthSources {
  snapshot: ClusterSnapshot
  usage: UsageSource
  /** The time at which usage is known (epoch), where that isn't now. */
  untilMs?: number
  /** Asks for the spans of the last minute and a half until a time; undefined where nobody can be asked, or there are too many. */
  readCalls?: (untilMs: number) => Promise<TracedCalls | undefined>
  /** They, once they were asked for. */
  calls?: TracedCalls | undefined
  /** As it was at looks just before: Prometheus may have it as it was then, and not yet as it is. */
  earlier?: readonly TruthSources[]
  /** As it was a look-back ago: what is gone since then Prometheus may still have, and what has come it has. */
  before?: readonly TruthSources[]
}
