import { setTimeout as sleep } from 'node:timers/promises'
import { type JaegerSpan, jaegerTraces } from '../../traces/jaeger-client.ts'
import { mostFrequent } from '../lint/cause-lines.ts'
import { type Bounds, exact, rateBounds, type UsageWindow } from './usage-bounds.ts'

/** Rates of calls, per second. A service answers requests, and makes calls to other services. */
export const callMeasures = ['requests', 'failed-requests', 'request-seconds', 'calls', 'failed-calls'] as const
export type CallMeasure = (typeof callMeasures)[number]

/** All spans of some services since a time. */
export interface TracedCalls {
  fromMs: number
  spans: readonly JaegerSpan[]
}

/** The calls of one service with one span name: their rate, or their duration in seconds per second. */
export interface CallFigure {
  namespace: string
  service: string
  /** The span's name. */
  call: string
  amount: Bounds
}

/** A larger answer takes Jaeger too long. */
const MAX_TRACES = 1_000
/** How long a span takes through the collector to Jaeger. */
const EXPORT_DELAY_MS = 4_000
/** A rate window and the time before it. */
const SPAN_RANGE_MS = 90_000

/**
 * Reads the spans of all requests that began at some services in the 90 s before a time. Waits until those spans are
 * in Jaeger. Gives undefined when there are more than `MAX_TRACES`.
 *
 * Throws a LabError when Jaeger does not answer.
 */
export async function readCalls(
  jaegerUrl: string,
  generators: readonly string[],
  untilMs: number,
): Promise<TracedCalls | undefined> {
  await sleep(Math.max(0, untilMs + EXPORT_DELAY_MS - Date.now()))
  const fromMs = untilMs - SPAN_RANGE_MS
  const traces = new Map<string, readonly JaegerSpan[]>()
  for (const service of generators) {
    const found = await jaegerTraces(jaegerUrl, service, { limit: MAX_TRACES, range: { fromMs, untilMs } })
    if (found.length >= MAX_TRACES) return undefined
    for (const spans of found) traces.set(spans[0]?.traceId ?? '', spans)
  }
  return { fromMs, spans: [...traces.values()].flat() }
}

/** The rates in a window by service and span name, with the bounds of what the collector may have counted. */
export function callFigures({ fromMs, spans }: TracedCalls, of: CallMeasure, window: UsageWindow): CallFigure[] {
  const { untilMs, lengthMs = 0, lateMs } = window
  const kind = of === 'calls' || of === 'failed-calls' ? 'client' : 'server'
  const ofKind = spans.filter(({ tags }) => tags['span.kind'] === kind)
  const groups = mostFrequent(ofKind, ({ resource, service, name }) =>
    [resource['k8s.namespace.name'], service, name].join('\u0000'),
  )
  // The collector sends its counts once per interval. The time of that, and the delay of spans, is known to a second.
  const seconds = (from: number, until: number) =>
    Array.from({ length: Math.floor((until - from) / 1_000) + 1 }, (_, at) => from + at * 1_000)
  const starts = seconds(untilMs - lengthMs - 2_000, untilMs - lengthMs + lateMs)
  const ends = seconds(untilMs - lateMs - 2_000, untilMs)
  return groups.map(([key, group]) => {
    const [namespace = '', service = '', call = ''] = key.split('\u0000')
    const sorted = group
      .map(span => ({ endMs: (span.startMicros + span.durationMicros) / 1_000, amount: amountOf(span, of) }))
      .sort((a, b) => a.endMs - b.endMs)
    const most = Math.max(...sorted.map(({ amount }) => amount))
    const counted = (times: readonly number[]) => times.map(timeMs => ({ timeMs, value: sumUntil(sorted, timeMs) }))
    const amount = rateBounds(counted(starts), counted(ends), most) ?? exact(0)
    // rate() ignores the first sample of a new series, and extrapolates the rest to the whole window.
    const isNew = (sorted[0]?.endMs ?? 0) > Math.max(fromMs, untilMs - lengthMs - 2 * lateMs) + lateMs
    return {
      namespace,
      service,
      call,
      amount: isNew ? { least: 0, most: 2 * amount.most, mayBeAbsent: true } : amount,
    }
  })
}

function amountOf({ tags, durationMicros }: JaegerSpan, of: CallMeasure): number {
  if (of === 'request-seconds') return durationMicros / 1e6
  return of.startsWith('failed-') && tags['error'] !== 'true' ? 0 : 1
}

function sumUntil(sorted: readonly { endMs: number; amount: number }[], timeMs: number): number {
  let sum = 0
  for (const { endMs, amount } of sorted) {
    if (endMs > timeMs) break
    sum += amount
  }
  return sum
}
