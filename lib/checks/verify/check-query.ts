import { unitOfTarget } from '../../grafana/target-unit.ts'
import type { RangeSeries } from '../../prometheus/prometheus-client.ts'
import { compareWithTruth, type Mismatch } from './compare-values.ts'
import { isMeasured, isShownAtZero } from './contributions.ts'
import { badText, type Evaluation } from './evaluate-queries.ts'
import { expectedValues } from './expected-values.ts'
import type { PanelQuery, QueryFacts } from './panel-queries.ts'
import { type KnownStates, mayBeMissing } from './pass-criteria.ts'
import type { AllowedEmpty, QueryExpectations, Truth } from './query-expectations.ts'
import { scaleOf } from './unit-scale.ts'
import type { Bounds } from './usage-bounds.ts'
import type { Problem } from './verify-report.ts'

/** The verdict on one query. */
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
      unless?: { failed: Verdict & { kind: 'failed' }; allowed: AllowedEmpty; bad: readonly RangeSeries[] }
    }
  | {
      kind: 'failed'
      problem: Problem
      got: string
      expected: string
      hint: string
      /** A retry may pass, because the cluster may have changed in the meantime. */
      mayPassLater: boolean
    }

/** What a result is checked with. */
export interface QueryContext {
  facts: QueryFacts
  expectations: QueryExpectations
  states: KnownStates | undefined
  scrapeMs: number
  /** Recording rules by the names of their series. */
  rules: ReadonlyMap<string, QueryFacts>
  /** All metric names of Prometheus, if known. */
  metricNames: ReadonlySet<string> | undefined
}

/** How many wrong numbers a failure lists. */
const MAX_NAMED = 4

/** Checks the result of one query. */
export function checkQuery(query: PanelQuery, evaluation: Evaluation, context: QueryContext): Verdict {
  const { facts, expectations, states } = context
  const failed = (problem: Problem, got: string, expected: string, hint = '') => ({
    ...{ kind: 'failed' as const, problem, got, expected, hint },
    // A failure that does not depend on the cluster is final.
    mayPassLater: expectations.truth !== undefined && (problem === 'no data' || problem === 'wrong number'),
  })
  if (evaluation.refused !== undefined) return failed('error', evaluation.refused, 'an answer')
  if (facts.isConstant) {
    const got = evaluation.samples.map(({ value }) => String(value)).join(', ')
    return failed('constant', got, 'something measured', 'no series changes this number')
  }
  const expected = expectedBounds(query, context)
  const { samples, bad, isInfinite } = evaluation
  if (samples.length === 0 && bad.length === 0) {
    // With an expected value, an exception does not allow missing data.
    const isShown = expectations.truth !== undefined && isShownAtZero(expectations.truth)
    const isNothing = expected !== undefined && [...expected.values()].every(bounds => mayBeMissing(bounds, isShown))
    const noData = failed('no data', 'no series', 'at least one series', emptyHint(facts, context))
    if (isNothing)
      return { kind: 'excused', because: expectations.emptyWhen?.because ?? 'the cluster has none of it either' }
    return expected === undefined ? allowedEmpty(expectations.emptyWhen, noData, bad) : noData
  }
  if (bad.length > 0) {
    const odd = failed('NaN or Inf', firstOf(bad.map(badText)), 'numbers')
    return isInfinite ? odd : allowedEmpty(expectations.nanWhen, odd, bad)
  }
  if (expectations.truth === undefined || expected === undefined) return { kind: 'ok', compared: false }
  const scale = scaleOf(unitOfTarget(query.panel, query.target))
  const isUsage = isMeasured(expectations.truth.of)
  const shown = isShownAtZero(expectations.truth)
  const mismatches = compareWithTruth(samples, expected, {
    by: expectations.truth.by,
    scale,
    isUsage,
    isShownAtZero: shown,
  })
  if (mismatches.length === 0) return { kind: 'ok', compared: true }
  const hint = `${truthText(expectations.truth)}, by ${isUsage ? (states?.now.usage.name ?? '') : 'the API'}`
  return failed('wrong number', firstOf(mismatches.map(gotText)), firstOf(mismatches.map(expectedText)), hint)
}

/** An allowed empty or NaN result, whose conditions are not checked yet. */
function allowedEmpty(
  allowed: AllowedEmpty | undefined,
  failed: Verdict & { kind: 'failed' },
  bad: readonly RangeSeries[],
): Verdict {
  return allowed === undefined
    ? failed
    : { kind: 'excused', because: allowed.because, unless: { failed, allowed, bad } }
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

function emptyHint({ metrics }: QueryFacts, { metricNames, rules }: QueryContext): string {
  const missing =
    metricNames === undefined ? [] : metrics.filter(metric => !metricNames.has(metric) && !rules.has(metric))
  if (missing.length > 0) return `Prometheus has no metric ${missing.join(', ')}`
  return metrics.length === 0 ? '' : 'the metrics are there, so it is the labels: a matcher, a join or the variables'
}

/** `cpu-usage / cpu-requests by namespace`, in words. */
function truthText({ of, over, by }: Truth): string {
  const what = (over === undefined ? of : `${of} / ${over}`).replaceAll('-', ' ')
  return by.length === 0 ? `${what} in all` : `${what} by ${by.join(', ').replaceAll('_', ' ')}`
}

function gotText({ where, got }: Mismatch): string {
  return `${where}: ${got}`
}

function expectedText({ where, expected }: Mismatch): string {
  return `${where}: ${expected}`
}

function firstOf(all: readonly string[]): string {
  const more = all.length > MAX_NAMED ? `; and ${all.length - MAX_NAMED} more` : ''
  return `${all.slice(0, MAX_NAMED).join('; ')}${more}`
}
