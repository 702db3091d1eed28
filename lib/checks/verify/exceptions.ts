import type { Labels, PrometheusApi, RangeSeries, Sample } from '../../prometheus/prometheus-client.ts'
import { isConstant } from '../../promql/constant.ts'
import { textOfPart } from '../../promql/fallbacks.ts'
import type { Expr } from '../../promql/promql-ast.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { unfiltered } from '../../promql/unfiltered.ts'
import type { Verdict } from './check-query.ts'
import { number } from './compare-values.ts'
import { labelsText, samplesAtEnd, seriesOf } from './evaluate-queries.ts'
import { type PanelQuery, queryFacts } from './panel-queries.ts'
import type { AllowedEmpty, QueryExpectations } from './query-expectations.ts'

/**
 * Checks the conditions of an allowed empty or NaN result: if one does not hold, the verdict is a failure. Queries
 * Prometheus at the query's own times.
 *
 * Throws a LabError when Prometheus can't be reached or refuses a query of the exception.
 */
export async function checkException(verdict: Verdict, query: PanelQuery, api: PrometheusApi): Promise<Verdict> {
  if (verdict.kind !== 'excused' || verdict.unless === undefined) return verdict
  const { failed, allowed, bad } = verdict.unless
  const doubt = await exceptionProblem(allowed, query, bad, api)
  if (doubt === undefined) return { kind: 'excused', because: verdict.because }
  // Data that arrived between the two queries is in both of a retry.
  return { ...failed, hint: `not excused by "${allowed.because}": ${doubt}`, mayPassLater: true }
}

/** When a query may have no data or be NaN, by its own text: queries of alerts, filters by a comparison, quantiles and quotients. */
export function expectationsOfText(expr: string): QueryExpectations {
  const nanWhen = nanOfText(expr)
  return { ...emptyOfText(expr), ...(nanWhen === undefined ? {} : { nanWhen }) }
}

function nanOfText(query: string): AllowedEmpty | undefined {
  const { expr } = parsePromql(query)
  return expr && nanOfPart(expr, query)
}

/** When a quantile of a histogram, or a quotient of two vectors, is NaN: nothing was observed, or the divisor is 0. It may be part of an aggregate. */
function nanOfPart(expr: Expr, query: string): AllowedEmpty | undefined {
  if (expr.kind === 'unary') return nanOfPart(expr.expr, query)
  if (expr.kind === 'aggregate' || expr.kind === 'call') {
    const [first, buckets] = expr.args
    if (first === undefined) return undefined
    if (expr.kind === 'call' && expr.name === 'histogram_quantile') {
      const noneOf = `sum without (le) (${textOfPart(buckets ?? first, query)})`
      return { because: 'nothing was observed in the window, so there is no quantile', noneOf }
    }
    if (!KEEP_NAN.test(expr.kind === 'call' ? expr.name : expr.op)) return undefined
    const inner = nanOfPart(first, query)
    if (inner === undefined || !CHANGE_LABELS.test(expr.kind === 'call' ? expr.name : expr.op)) return inner
    // What is divided by has the labels of the result after the same functions.
    const noneOf = `${query.slice(expr.from, first.from)}${inner.noneOf}${query.slice(first.to, expr.to)}`
    return { ...inner, noneOf }
  }
  if (expr.kind !== 'binary') return undefined
  const { op, left, right, group, matching, matchingLabels } = expr
  if (isConstant(left)) return nanOfPart(right, query)
  if (isConstant(right)) return nanOfPart(left, query)
  // With group_right the quotient has labels of the divisor that are not matched.
  if (op !== '/' || group === 'right') return undefined
  const grouping = matching === 'on' ? `by (${matchingLabels.join(', ')})` : `without (${matchingLabels.join(', ')})`
  return { because: 'the divisor is 0', noneOf: `sum ${grouping} (${textOfPart(right, query)})` }
}

/** Functions and aggregates of one argument whose result is NaN where the argument is, and those of them that change its labels. */
const KEEP_NAN = /^(?:sort|sort_desc|round|abs|clamp_min|clamp_max|label_replace|label_join|sum|avg)$/
const CHANGE_LABELS = /^(?:label_replace|label_join|sum|avg)$/

function emptyOfText(expr: string): QueryExpectations {
  const { metrics } = queryFacts(expr)
  if (metrics.length > 0 && metrics.every(metric => metric.startsWith('ALERTS')))
    return { emptyWhen: { because: 'there are alerts only while they wait or fire' } }
  const given = unfiltered(expr)
  return given === undefined
    ? {}
    : { emptyWhen: { because: 'what it compares is there, and nothing of it is as it asks for', given } }
}

/** The condition that does not hold, as text; undefined when all hold. */
async function exceptionProblem(
  { given, noneOf, noAlerts }: AllowedEmpty,
  query: PanelQuery,
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
    const some = bad.length === 0 ? firstPositive(samplesAtEnd(series, query.range)) : positiveAtNaN(bad, series)
    if (some !== undefined) return `${expr} is ${some}`
  }
  if (noAlerts === true) {
    const alerts = (await api.rules()).flatMap(({ name, alerts }) => alerts.map(() => name))
    if (alerts.length > 0) return `Prometheus has alerts, ${[...new Set(alerts)].sort().join(', ')}`
  }
  return undefined
}

/** A value above zero at the labels and time of a NaN point. */
function positiveAtNaN(bad: readonly RangeSeries[], series: readonly RangeSeries[]): string | undefined {
  const names = Object.keys(series[0]?.labels ?? {})
  const keyOf = (labels: Labels, timeMs: number) => [...names.map(name => labels[name]), timeMs].join('\u0000')
  const values = new Map(
    series.flatMap(({ labels, points }) => points.map(([timeMs, value]) => [keyOf(labels, timeMs), value] as const)),
  )
  const atNaN = bad.flatMap(({ labels, points }) =>
    points.map(([timeMs]) => ({ labels, value: values.get(keyOf(labels, timeMs)) ?? 0 })),
  )
  return firstPositive(atNaN)
}

function firstPositive(samples: readonly Sample[]): string | undefined {
  const found = samples.find(({ value }) => value > 0)
  return found && `${number(found.value)} of ${labelsText(found.labels)}`
}
