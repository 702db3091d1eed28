import type { TimeRange } from '../prometheus/prometheus-client.ts'
import { durationMs, durationText } from '../promql/durations.ts'
import type { VariableValue } from './interpolate.ts'

/** The inputs of a query's step and rate window. */
export interface StepInputs {
  /** The time range. */
  range: TimeRange
  /** The datasource's scrape interval (`timeInterval`). */
  scrapeMs: number
  /** The minimum steps of target and panel, such as `1m`. Anything but a duration counts as empty. */
  interval: string
  panelInterval: string
  /** The maximum number of points of a panel. */
  maxDataPoints: number
}

/** The step of one query, and Grafana's own variables. */
export interface QueryTimes {
  stepMs: number
  rateMs: number
  variables: ReadonlyMap<string, VariableValue>
}

/**
 * Step, rate window and time variables as Grafana computes them. `$__interval` is the range divided by the maximum
 * number of points, rounded, but not less than the minimum step (by default the scrape interval). `$__rate_interval`
 * is max($__interval + scrape interval, 4 × scrape interval) (grafana.com/docs, "Prometheus template variables").
 *
 * A target's own minimum step replaces the scrape interval in both; a panel's only makes the step longer.
 */
export function queryTimes({ range, scrapeMs, interval, panelInterval, maxDataPoints }: StepInputs): QueryTimes {
  const spanMs = range.untilMs - range.fromMs
  const scrapedMs = durationMs(interval.replace(/^>/, '')) ?? scrapeMs
  const leastMs = Math.max(scrapedMs, durationMs(panelInterval.replace(/^>/, '')) ?? 0)
  const stepMs = Math.max(leastMs, roundInterval(spanMs / maxDataPoints))
  const rateMs = Math.max(stepMs + scrapedMs, 4 * scrapedMs)
  const spanS = Math.round(spanMs / 1_000)
  const texts = {
    __interval: durationText(stepMs),
    __interval_ms: String(stepMs),
    __rate_interval: durationText(rateMs),
    __rate_interval_ms: String(rateMs),
    __range: `${spanS}s`,
    __range_s: String(spanS),
    __range_ms: String(spanMs),
    __from: String(range.fromMs),
    __to: String(range.untilMs),
  }
  const variables = Object.entries(texts).map(([name, value]) => [name, { values: [value], several: false }] as const)
  return { stepMs, rateMs, variables: new Map(variables) }
}

/** The length of a range in milliseconds, relative (`now-1h`) or of two epoch times; undefined for others (`now/d`, a date). */
export function rangeMs(from: string, to: string): number | undefined {
  if (isEpoch(from) && isEpoch(to) && Number(from) < Number(to)) return Number(to) - Number(from)
  const [, length] = /^now-(\w+)$/.exec(from) ?? []
  return to === 'now' && length !== undefined ? durationMs(length) : undefined
}

/** Whether a time of a range is in epoch milliseconds, as Grafana writes a fixed one in a URL. */
export function isEpoch(time: string): boolean {
  return /^\d{12,14}$/.test(time)
}

/** Usual lengths of a step in milliseconds. */
const USUAL_MS = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000,
]

/** Rounds a step to the nearest usual length, and a longer one up to hours (after `roundInterval` of Grafana). */
function roundInterval(ms: number): number {
  if (ms < 10) return 1
  const nearest = USUAL_MS.slice(0, -1).find((usual, at) => ms < (usual + (USUAL_MS[at + 1] ?? usual)) / 2)
  return nearest ?? Math.ceil(ms / 3_600_000) * 3_600_000
}
