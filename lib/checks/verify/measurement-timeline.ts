import type { Bounds } from './usage-bounds.ts'

/** A value that a kubelet serves from the time on at which it was measured, until the next one. */
export interface Measurement {
  /** Epoch, cut to whole seconds as a summary has it. */
  takenMs: number
  value: number
}

/**
 * So long after the second that its time says, a measurement is surely what is served: the rest of that second, the measuring,
 * and the way of the collector's question, which notes the time when it has its answer.
 */
const SERVED_MS = 2_000

/** Prometheus's own: a gap to the window's edge of more than so many steps is not filled. */
const EDGE_STEPS = 1.1

/** Puts a measurement at the end of those that are known, unless it is there already. */
export function addMeasurement(known: Measurement[], { takenMs, value }: Measurement): void {
  const last = known.at(-1)
  if (last === undefined || takenMs > last.takenMs || value !== last.value) known.push({ takenMs, value })
}

/** What may have been served to who asked at a time: one value, or several when it was measured about then. None where nothing is known so early. */
export function servedAt(known: readonly Measurement[], askedMs: number): number[] {
  const sure = known.findLastIndex(({ takenMs }) => takenMs + SERVED_MS <= askedMs)
  if (sure === -1) return []
  return known.filter(({ takenMs }, index) => index >= sure && takenMs <= askedMs).map(({ value }) => value)
}

/**
 * What Prometheus's `rate` makes of a counter of which a collector asked at these times, the oldest first, over a window that ends at
 * `untilMs`. Undefined where that can't be said: fewer than two times, nothing known at the first, or a counter that fell.
 */
export function rateOver(
  known: readonly Measurement[],
  askedMs: readonly number[],
  { untilMs, lengthMs }: { untilMs: number; lengthMs: number },
): Bounds | undefined {
  const [firstMs, lastMs] = [askedMs[0], askedMs.at(-1)]
  if (firstMs === undefined || lastMs === undefined || askedMs.length < 2) return undefined
  const sampledMs = lastMs - firstMs
  const stepMs = sampledMs / (askedMs.length - 1)
  const edge = (gapMs: number) => (gapMs >= EDGE_STEPS * stepMs ? stepMs / 2 : gapMs)
  const rates = servedAt(known, firstMs).flatMap(first =>
    servedAt(known, lastMs).map(last => {
      const counted = last - first
      // It does not go back beyond the time at which the counter would have been 0.
      const sinceZeroMs = counted > 0 ? (sampledMs * first) / counted : Number.POSITIVE_INFINITY
      const beforeMs = Math.min(edge(firstMs - (untilMs - lengthMs)), sinceZeroMs)
      return (counted * (beforeMs + sampledMs + edge(untilMs - lastMs))) / sampledMs / (lengthMs / 1_000)
    }),
  )
  if (rates.length === 0 || rates.some(rate => rate < 0)) return undefined
  return { least: Math.min(...rates), most: Math.max(...rates) }
}
