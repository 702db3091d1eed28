import type { Labels, PrometheusApi, RangeSeries } from '../../prometheus/prometheus-client.ts'
import { unfiltered } from '../../promql/unfiltered.ts'
import type { Verdict } from './check-query.ts'
import { number } from './compare-values.ts'
import { labelsText, seriesOf } from './evaluate-queries.ts'
import { type AskedQuery, queryFacts } from './panel-queries.ts'
import type { Excuse, TargetMarks } from './query-expectations.ts'

/**
 * A verdict, held to its excuse: one that doesn't hold is none. Asks Prometheus at the query's own times.
 *
 * Throws a LabError when Prometheus can't be reached or refuses what the excuse asks.
 */
export async function heldTo(verdict: Verdict, query: AskedQuery, api: PrometheusApi): Promise<Verdict> {
  if (verdict.kind !== 'excused' || verdict.unless === undefined) return verdict
  const { failed, excuse, bad } = verdict.unless
  const doubt = await doubtOf(excuse, query, bad, api)
  if (doubt === undefined) return { kind: 'excused', because: verdict.because }
  // What came between the two questions is there when both are asked again.
  return { ...failed, hint: `not excused by "${excuse.because}": ${doubt}`, settles: true }
}

/** When a query may have no data as far as its own text says: of alerts, and of what shows only what is amiss. */
export function marksOfText(expr: string): TargetMarks {
  const { metrics } = queryFacts(expr)
  if (metrics.length > 0 && metrics.every(metric => metric.startsWith('ALERTS')))
    return { emptyWhen: { because: 'there are alerts only while they wait or fire' } }
  const given = unfiltered(expr)
  return given === undefined
    ? {}
    : { emptyWhen: { because: 'what it compares is there, and nothing of it is as it asks for', given } }
}

/** What speaks against an excuse; undefined when it holds. */
async function doubtOf(
  { given, noneOf, noAlerts }: Excuse,
  query: AskedQuery,
  bad: readonly RangeSeries[],
  api: PrometheusApi,
): Promise<string | undefined> {
  if (given !== undefined) {
    const expr = query.fill(given)
    const series = await seriesOf(api, query, expr)
    if (series.length === 0) return `${expr} has no data either, so the query looks in the wrong place`
  }
  if (noneOf !== undefined) {
    const expr = query.fill(noneOf)
    const series = await seriesOf(api, query, expr)
    const some = bad.length === 0 ? anyOf(series, query) : anyBehind(bad, series)
    if (some !== undefined) return `${expr} is ${some}`
  }
  if (noAlerts === true) {
    const alerts = await api.alerts()
    if (alerts.length > 0) return `Prometheus has alerts, ${[...new Set(alerts)].sort().join(', ')}`
  }
  return undefined
}

/** A number above zero at the end of the query's time. */
function anyOf(series: readonly RangeSeries[], { range }: AskedQuery): string | undefined {
  for (const { labels, points } of series) {
    const [timeMs, value] = points.at(-1) ?? [0, 0]
    if (timeMs >= range.untilMs && value > 0) return numberOf(labels, value)
  }
  return undefined
}

/** A number above zero with the labels and the time of a point that is NaN. */
function anyBehind(bad: readonly RangeSeries[], series: readonly RangeSeries[]): string | undefined {
  const names = Object.keys(series[0]?.labels ?? {})
  const keyOf = (labels: Labels, timeMs: number) => [...names.map(name => labels[name]), timeMs].join('\u0000')
  const numbers = new Map(
    series.flatMap(({ labels, points }) => points.map(([timeMs, value]) => [keyOf(labels, timeMs), value] as const)),
  )
  for (const { labels, points } of bad) {
    for (const [timeMs] of points) {
      const value = numbers.get(keyOf(labels, timeMs)) ?? 0
      if (value > 0) return numberOf(labels, value)
    }
  }
  return undefined
}

function numberOf(labels: Labels, value: number): string {
  return `${number(value)} of ${labelsText(labels)}`
}
