import { LabError } from '../../cli/errors.ts'
import { lookbackMs } from '../../prometheus/prometheus-config.ts'
import type { ClusterState, KnownStates, Reading, StateReader } from './pass-criteria.ts'

/** etcd keeps old revisions for five minutes; some time passes until one is read. */
const REVISIONS_KEPT_MS = 270_000

/** A reading without a cluster: queries run, and no number is compared. */
export function readingWithoutCluster(): Reading {
  return { untilMs: Date.now(), states: undefined, withHistory: async () => undefined }
}

/**
 * Gives a function that reads the cluster. Each reading also has the earlier ones that Prometheus can still show (step 3 of pass-criteria.ts). It throws a
 * LabError when the cluster cannot be read.
 */
export function createReadings(reader: StateReader | undefined, scrapeMs: number): () => Promise<Reading> {
  let readings: { untilMs: number; state: ClusterState }[] = []
  return async () => {
    if (reader === undefined) return readingWithoutCluster()
    const now = await reader.read()
    const untilMs = now.untilMs ?? Date.now()
    const sinceMs = untilMs - lingerMs(scrapeMs)
    // A state lasted until the next reading.
    readings = readings.filter((_, at) => (readings[at + 1]?.untilMs ?? sinceMs) >= sinceMs)
    const states: KnownStates = { now, earlier: readings.map(({ state }) => state) }
    readings.push({ untilMs, state: now })
    let withLookback: Promise<KnownStates | undefined> | undefined
    const withHistory = () => {
      withLookback ??= readLookback(reader, untilMs, scrapeMs).then(lookback => lookback && { ...states, lookback })
      return withLookback
    }
    return { untilMs, states, withHistory }
  }
}

/** The state one look-back earlier (step 2); undefined where it cannot be read, so that verify waits instead. */
async function readLookback(reader: StateReader, untilMs: number, scrapeMs: number): Promise<ClusterState | undefined> {
  // The revision that Prometheus reports for a time is up to a collection interval older.
  const agoMs = Math.min(lingerMs(scrapeMs), REVISIONS_KEPT_MS - scrapeMs)
  if (agoMs <= 0) return undefined
  try {
    return await reader.readAt?.(untilMs - agoMs)
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

/** How long Prometheus can show a deleted object: its look-back, then one interval in recorded series and one until the next collection. */
function lingerMs(scrapeMs: number): number {
  return lookbackMs(scrapeMs) + 2 * scrapeMs
}
