import { unitOfTarget } from '../../grafana/target-unit.ts'
import type { RangeSeries } from '../../prometheus/prometheus-client.ts'
import { compareWithTruth, type Mismatch } from './compare-values.ts'
import { isMeasured, isShownAtZero } from './contributions.ts'
import { badText, type Evaluation } from './evaluate-queries.ts'
import { expectedValues } from './expected-values.ts'
import type { AskedQuery, QueryFacts } from './panel-queries.ts'
import { type KnownStates, mayBeMissing } from './pass-criteria.ts'
import type { Excuse, TargetMarks, Truth } from './query-expectations.ts'
import { scaleOf } from './unit-scale.ts'
import type { Bounds } from './usage-bounds.ts'
import type { Problem } from './verify-report.ts'

/** What was found of one query. */
export type Verdict =
  /** `showsFallback`: its number is a constant, since nothing that it asks for is there now. */
  | { kind: 'ok'; compared: boolean; showsFallback?: boolean }
  | {
      kind: 'excused'
      because: string
      /** What it would be if the excuse didn't hold, and what shows that it does; undefined where that is known already. */
      unless?: { failed: Verdict & { kind: 'failed' }; excuse: Excuse; bad: readonly RangeSeries[] }
    }
  | {
      kind: 'failed'
      problem: Problem
      got: string
      expected: string
      hint: string
      /** It may pass by itself: the cluster may have changed while it was looked at. */
      settles: boolean
    }

/** What a query is judged by, beside its numbers. */
export interface Judgement {
  facts: QueryFacts
  marks: TargetMarks
  states: KnownStates | undefined
  scrapeMs: number
  /** Recording rules by the series they make. */
  rules: ReadonlyMap<string, QueryFacts>
  /** Every metric that Prometheus has; undefined when that wasn't asked. */
  metricNames: ReadonlySet<string> | undefined
}

/** How many wrong numbers of one query are named. */
const NAMED = 4

/** Judges one query by what it gave. */
export function judge(query: AskedQuery, evaluation: Evaluation, judgement: Judgement): Verdict {
  const { facts, marks, states } = judgement
  const failed = (problem: Problem, got: string, expected: string, hint = '') => ({
    ...{ kind: 'failed' as const, problem, got, expected, hint },
    // What is wrong without a look at the cluster stays wrong, and waiting for it would only take time.
    settles: marks.truth !== undefined && (problem === 'no data' || problem === 'wrong number'),
  })
  if (evaluation.refused !== undefined) return failed('error', evaluation.refused, 'an answer')
  if (facts.isConstant) {
    const got = evaluation.samples.map(({ value }) => String(value)).join(', ')
    return failed('constant', got, 'something measured', 'no series changes this number')
  }
  const expected = expectedOf(query, judgement)
  const { samples, bad, isInfinite } = evaluation
  if (samples.length === 0 && bad.length === 0) {
    // Where the truth is known, a reason that could hold doesn't excuse what should be there.
    const isShown = marks.truth !== undefined && isShownAtZero(marks.truth)
    const isNothing = expected !== undefined && [...expected.values()].every(bounds => mayBeMissing(bounds, isShown))
    const noData = failed('no data', 'no series', 'at least one series', emptyHint(facts, judgement))
    if (isNothing) return { kind: 'excused', because: marks.emptyWhen?.because ?? 'the cluster has none of it either' }
    return expected === undefined ? excused(marks.emptyWhen, noData, bad) : noData
  }
  if (bad.length > 0) {
    const odd = failed('NaN or Inf', some(bad.map(badText)), 'numbers')
    return isInfinite ? odd : excused(marks.nanWhen, odd, bad)
  }
  if (marks.truth === undefined || expected === undefined) return { kind: 'ok', compared: false }
  const scale = scaleOf(unitOfTarget(query.panel, query.target))
  const isUsage = isMeasured(marks.truth.of)
  const shown = isShownAtZero(marks.truth)
  const mismatches = compareWithTruth(samples, expected, { by: marks.truth.by, scale, isUsage, isShownAtZero: shown })
  if (mismatches.length === 0) return { kind: 'ok', compared: true }
  const hint = `${truthText(marks.truth)}, by ${isUsage ? (states?.now.usage.name ?? '') : 'the API'}`
  return failed('wrong number', some(mismatches.map(gotText)), some(mismatches.map(expectedText)), hint)
}

/** Excused by a mark, if what it says holds. */
function excused(
  excuse: Excuse | undefined,
  failed: Verdict & { kind: 'failed' },
  bad: readonly RangeSeries[],
): Verdict {
  return excuse === undefined ? failed : { kind: 'excused', because: excuse.because, unless: { failed, excuse, bad } }
}

/** What the query must give, where that can be had otherwise. */
export function expectedOf(query: AskedQuery, judgement: Judgement): ReadonlyMap<string, Bounds> | undefined {
  const { marks, states } = judgement
  if (marks.truth === undefined || states === undefined) return undefined
  return expectedValues(marks.truth, states, query.filters, usageWindow(query, judgement))
}

/** When what a query shows was measured. */
function usageWindow({ range }: AskedQuery, { facts, rules, scrapeMs }: Judgement) {
  const recorded = facts.metrics.flatMap(metric => rules.get(metric) ?? [])
  const windows = [facts, ...recorded].flatMap(({ windowMs }) => windowMs ?? [])
  // A sample is up to an interval old, and on its way for some seconds; a rule adds its own interval.
  const lateMs = 1.2 * scrapeMs + 2_000 + (recorded.length > 0 ? scrapeMs : 0)
  return { untilMs: range.untilMs, lengthMs: windows.length === 0 ? undefined : Math.max(...windows), lateMs }
}

function emptyHint({ metrics }: QueryFacts, { metricNames, rules }: Judgement): string {
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

function some(all: readonly string[]): string {
  const more = all.length > NAMED ? `; and ${all.length - NAMED} more` : ''
  return `${all.slice(0, NAMED).join('; ')}${more}`
}
