import { unitOfTarget } from '../../grafana/target-unit.ts'
import type { PrometheusApi, RangeSeries } from '../../prometheus/prometheus-client.ts'
import { variablesIn } from '../../promql/query-variables.ts'
import { isOfOtherDialect } from '../lint/dialect-rules.ts'
import type { LabMetrics } from '../lint/lab-metrics.ts'
import type { Cause } from './causes.ts'
import { compareWithTruth, scaleOf } from './compare-values.ts'
import { badText, type Evaluation } from './evaluate-queries.ts'
import { expectedValues } from './expected-values.ts'
import type { PanelQuery, QueryFacts } from './panel-queries.ts'
import { type KnownStates, mayBeMissing } from './pass-criteria.ts'
import type { Missing } from './prerequisites.ts'
import { isMeasured } from './quantities.ts'
import type { AllowedEmpty, QueryExpectations, Truth } from './query-expectations.ts'
import type { Bounds } from './usage-bounds.ts'
import type { Failure, Problem } from './verify-report.ts'

/** A failed check. */
export interface Failed extends Pick<Failure, 'problem' | 'got' | 'expected' | 'hint' | 'cause'> {
  kind: 'failed'
  /** A retry may pass, because the cluster may have changed in the meantime. */
  mayPassLater: boolean
}

/** The verdict on one check. */
export type Verdict =
  /**
   * `showsFallback`: the query shows the constant of its fallback, since nothing matches now. `notChecked`: a check
   * of the query that was omitted, with the reason.
   */
  | { kind: 'ok'; compared: boolean; showsFallback?: boolean; notChecked?: string }
  | {
      kind: 'excused'
      because: string
      /** The failure that applies if the exception does not hold; undefined where that is known already. */
      unless?: { failed: Failed; allowed: AllowedEmpty; bad: readonly RangeSeries[] }
    }
  | Failed

/** What to say of the cause of a failure. */
export interface Hint {
  hint: string
  cause?: Cause | undefined
}

/** A failure that no later state of the cluster can change. */
export function finalFailure(
  problem: Problem,
  got: string,
  expected: string,
  { hint = '', cause }: Partial<Hint> = {},
): Failed {
  return { kind: 'failed', problem, got, expected, hint, cause, mayPassLater: false }
}

/** What stays the same for all readings of a run. */
export interface CheckContext {
  api: PrometheusApi
  scrapeMs: number
  /** Recording rules by the names of their series. */
  rules: ReadonlyMap<string, QueryFacts>
  /** Their queries. */
  recorded: ReadonlyMap<string, string>
  /** Undefined where Prometheus does not list them. */
  metricNames: ReadonlySet<string> | undefined
  /** What this cluster does not have. */
  missing: Missing
  /** What is known of series by their name, on any cluster; the dialects of this one; the nearest name that Prometheus has. */
  lab: Pick<LabMetrics, 'known' | 'dialects' | 'nearest'>
}

/** What a result is checked with. */
export interface QueryContext extends Pick<CheckContext, 'scrapeMs' | 'rules' | 'metricNames' | 'lab'> {
  facts: QueryFacts
  expectations: QueryExpectations
  states: KnownStates | undefined
}

/** Checks the result of one query. */
export function checkQuery(query: PanelQuery, evaluation: Evaluation, context: QueryContext): Verdict {
  const { facts, states } = context
  const { truth, emptyWhen, nanWhen } = context.expectations
  const { samples, bad, isInfinite, refused } = evaluation
  if (refused !== undefined) return finalFailure('error', refused, 'an answer', unknownVariables(query.expr))
  if (facts.isConstant) {
    const got = samples.map(({ value }) => String(value)).join(', ')
    return finalFailure('constant', got, 'something measured', { hint: 'no series changes this number' })
  }
  const expected = expectedBounds(query, context)
  const isShown = truth !== undefined && isShownAtZero(truth)
  if (samples.length === 0 && bad.length === 0) {
    // With an expected value, an exception does not allow missing data.
    if (expected !== undefined && [...expected.values()].every(bounds => mayBeMissing(bounds, isShown)))
      return { kind: 'excused', because: emptyWhen?.because ?? 'the cluster has none of it either' }
    const noData = finalFailure('no data', 'no series', 'at least one series', emptyHint(facts.metrics, context))
    const failed = { ...noData, mayPassLater: truth !== undefined }
    return expected === undefined ? allowedEmpty(emptyWhen, failed, bad) : failed
  }
  if (bad.length > 0) {
    const odd = finalFailure('NaN or Inf', firstOf(bad.map(badText)), 'numbers')
    return isInfinite ? odd : allowedEmpty(nanWhen, odd, bad)
  }
  if (truth === undefined || expected === undefined) return { kind: 'ok', compared: false }
  const scale = scaleOf(unitOfTarget(query.panel, query.target))
  const isUsage = isMeasured(truth.of)
  const mismatches = compareWithTruth(samples, expected, { ...truth, scale, isUsage, isShownAtZero: isShown })
  if (mismatches.length === 0) return { kind: 'ok', compared: true }
  const texts = (side: 'got' | 'expected') => firstOf(mismatches.map(each => `${each.where}: ${each[side]}`))
  const hint = `${truthText(truth)}, by ${isUsage ? (states?.now.usage.name ?? '') : 'the API'}`
  return { ...finalFailure('wrong number', texts('got'), texts('expected'), { hint }), mayPassLater: true }
}

/** The first of some texts, and how many more there are. */
export function firstOf(all: readonly string[], most = 4): string {
  const more = all.length > most ? `; and ${all.length - most} more` : ''
  return `${all.slice(0, most).join('; ')}${more}`
}

/** Whether a query has a series also where the value is 0: measured quantities do. */
function isShownAtZero({ of, aboveZero = false }: Truth): boolean {
  return !aboveZero && (isMeasured(of) || of === 'node-condition')
}

/** An allowed empty or NaN result, whose conditions are not checked yet. */
function allowedEmpty(allowed: AllowedEmpty | undefined, failed: Failed, bad: readonly RangeSeries[]): Verdict {
  if (allowed === undefined) return failed
  return { kind: 'excused', because: allowed.because, unless: { failed, allowed, bad } }
}

/** The expected values of a query; undefined where they are unknown. */
export function expectedBounds(query: PanelQuery, context: QueryContext): ReadonlyMap<string, Bounds> | undefined {
  const { expectations, states } = context
  if (expectations.truth === undefined || states === undefined) return undefined
  return expectedValues(expectations.truth, states, query.filters, usageWindow(query, context))
}

/** The time range of a query's samples. */
function usageWindow({ range }: PanelQuery, { facts, rules, scrapeMs }: QueryContext) {
  const recorded = facts.metrics.flatMap(metric => rules.get(metric) ?? [])
  const windows = [facts, ...recorded].flatMap(({ windowMs }) => windowMs ?? [])
  // A sample is up to an interval old and takes some seconds to arrive; a rule adds its own interval.
  const lateMs = 1.2 * scrapeMs + 2_000 + (recorded.length > 0 ? scrapeMs : 0)
  return { untilMs: range.untilMs, lengthMs: windows.length === 0 ? undefined : Math.max(...windows), lateMs }
}

/** Why queries of these metrics have no data, as far as their names tell: a name that Prometheus does not have, and how to get it. */
export function emptyHint(
  metrics: readonly string[],
  context: Pick<CheckContext, 'metricNames' | 'rules' | 'lab'>,
): Hint {
  const { metricNames, rules } = context
  const unknown =
    metricNames === undefined ? [] : metrics.filter(metric => !metricNames.has(metric) && !rules.has(metric))
  if (metricNames === undefined || unknown.length === 0) return { hint: metrics.length === 0 ? '' : METRICS_EXIST }
  return absentHint(unknown, context)
}

/** Why Prometheus does not have metrics. */
export function absentHint(metrics: readonly string[], { lab }: Pick<CheckContext, 'lab'>): Required<Hint> {
  const off = metrics.filter(metric => isOfOtherDialect({ metric }, lab))
  for (const name of metrics.filter(each => lab.known(each) === undefined)) {
    const near = lab.nearest(name)
    if (near === undefined || near === name) continue
    const hint = `Prometheus has no metric ${name}; did you mean ${near}?`
    return { hint, cause: { name: 'spelling', subject: name } }
  }
  const subject = (off.length > 0 ? off : metrics).join(', ')
  const absent = `Prometheus has no metric ${subject}`
  return off.length > 0
    ? { hint: `${absent}; the lab has it with METRICS=both`, cause: { name: 'dialect', subject } }
    : { hint: absent, cause: { name: 'absent', subject } }
}

/** The variables in a sent query: the dashboard does not have them. */
export function unknownVariables(sent: string): Partial<Hint> {
  const [name] = variablesIn(sent).filter(each => !each.startsWith('__'))
  if (name === undefined) return {}
  return { hint: `the dashboard has no variable $${name}`, cause: { name: 'variable', subject: name } }
}

/** The hint of a query without data whose metrics Prometheus has or records. */
export const METRICS_EXIST = 'the metrics are there, so it is the labels: a matcher, a join or the variables'

/** `cpu-usage / cpu-requests by namespace`, in words. */
function truthText({ of, over, by }: Truth): string {
  const what = (over === undefined ? of : `${of} / ${over}`).replaceAll('-', ' ')
  return by.length === 0 ? `${what} in all` : `${what} by ${by.join(', ').replaceAll('_', ' ')}`
}
