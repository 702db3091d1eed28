type Attributes = Record<string, string>

/** A value and its attributes. */
export type Point = readonly [value: number, attributes: Attributes]

/** A metric; `counter` is a monotonic cumulative sum, `sum` a non-monotonic one. */
export interface OtlpMetric {
  name: string
  unit: string
  kind: 'counter' | 'sum' | 'gauge'
  points: readonly Point[]
}

/** The units of metrics that are not integers. */
const FRACTIONAL = new Set(['s', '{thread}'])

/** The largest JavaScript number in OTLP's 64-bit integers: the collector drops a whole request of 50 nodes for a larger one. */
const MAX_INT = 2 ** 63 - 1_024

/** A metric in OTLP's JSON; sums since `startMs`, all points of `nowMs` (epoch). */
export function otlpMetric(
  { name, unit, kind, points }: OtlpMetric,
  { startMs, nowMs }: { startMs: number; nowMs: number },
): unknown {
  const isWhole = !FRACTIONAL.has(unit)
  const startTimeUnixNano = `${Math.max(0, Math.floor(startMs))}000000`
  const dataPoints = points.map(([value, attributes]) => ({
    attributes: attributeList(attributes),
    ...(kind === 'gauge' ? {} : { startTimeUnixNano }),
    timeUnixNano: `${nowMs}000000`,
    // OTLP's JSON has 64-bit integers as strings.
    ...(isWhole ? { asInt: String(Math.min(Math.round(value), MAX_INT)) } : { asDouble: value }),
  }))
  if (kind === 'gauge') return { name, unit, gauge: { dataPoints } }
  return { name, unit, sum: { aggregationTemporality: 2, isMonotonic: kind === 'counter', dataPoints } }
}

/** Attributes in OTLP's JSON. */
export function attributeList(attributes: Attributes): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } }))
}

/** Sends `ResourceMetrics` to an OTLP/HTTP endpoint, a URL without `/v1/metrics`. Throws what `fetch` throws. */
export async function postMetrics(url: string, resourceMetrics: readonly unknown[], signal: AbortSignal) {
  const headers = { 'content-type': 'application/json' }
  return await fetch(`${url}/v1/metrics`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ resourceMetrics }),
    signal,
  })
}
