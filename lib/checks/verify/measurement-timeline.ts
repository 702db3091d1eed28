import type { Bounds } from './usage-bounds.ts'

/** A value that a kubelet serves from the time of its measurement until the next one. */
export interface Measurement {
  /** Epoch, in whole seconds as in a summary. */
  takenMs: number
  value: number
}

/**
 * How long after its time a measurement is certainly served: the rest of that second, the measuring itself, and the
 * delay of the collector's request, whose time is that of the answer.
 */
const SERVED_MS = 2_000

/** As in Prometheus: rate() does not extrapolate over a gap of more than so many steps at the edge of the window. */
const EDGE_STEPS = 1.1

/** Appends a measurement unless it is known. */
export function addMeasurement(known: Measurement[], { takenMs, value }: Measurement): void {
  const last = known.at(-1)
  if (last === undefined || takenMs > last.takenMs || value !== last.value) known.push({ takenMs, value })
}

/**
 * The values that a kubelet may have served at a time: several where it measured at about that time, none where
 * nothing is known that early.
 */
export function servedAt(known: readonly Measurement[], atMs: number): number[] {
  const sure = known.findLastIndex(({ takenMs }) => takenMs + SERVED_MS <= atMs)
  if (sure === -1) return []
  return known.filter(({ takenMs }, index) => index >= sure && takenMs <= atMs).map(({ value }) => value)
}

/**
 * What PromQL's `rate` returns for a counter that a collector read at these times (oldest first), over a window that
 * ends at `untilMs`. Undefined with fewer than two times, without a value at the first, or for a counter that was
 * reset.
 */
export function rateOver(
  known: readonly Measurement[],
  collectedMs: readonly number[],
  { untilMs, lengthMs }: { untilMs: number; lengthMs: number },
): Bounds | undefined {
  const [firstMs, lastMs] = [collectedMs[0], collectedMs.at(-1)]
  if (firstMs === undefined || lastMs === undefined || collectedMs.length < 2) return undefined
  const sampledMs = lastMs - firstMs
  const stepMs = sampledMs / (collectedMs.length - 1)
  const edge = (gapMs: number) => (gapMs >= EDGE_STEPS * stepMs ? stepMs / 2 : gapMs)
  const rates = servedAt(known, firstMs).flatMap(first =>
    servedAt(known, lastMs).map(last => {
      const counted = last - first
      // rate() does not extrapolate to before the counter was 0.
      const sinceZeroMs = counted > 0 ? (sampledMs * first) / counted : Number.POSITIVE_INFINITY
      const beforeMs = Math.min(edge(firstMs - (untilMs - lengthMs)), sinceZeroMs)
      return (counted * (beforeMs + sampledMs + edge(untilMs - lastMs))) / sampledMs / (lengthMs / 1_000)
    }),
  )
  if (rates.length === 0 || rates.some(rate => rate < 0)) return undefined
  return { least: Math.min(...rates), most: Math.max(...rates) }
}
