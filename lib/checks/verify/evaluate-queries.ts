import {
  type Labels,
  type PrometheusApi,
  QueryError,
  type RangeSeries,
  type Sample,
  type TimeRange,
} from '../../prometheus/prometheus-client.ts'
import { number } from './compare-values.ts'
import type { PanelQuery } from './panel-queries.ts'

/** What is evaluated of a query. */
export type SentQuery = Pick<PanelQuery, 'kind' | 'expr' | 'range' | 'stepMs'>

/** The result of a query. */
export interface Evaluation {
  /** The value of each series at the end of the range. */
  samples: readonly Sample[]
  /** The NaN and infinite points of each series. */
  bad: readonly RangeSeries[]
  /** Whether one of them is an infinity. */
  isInfinite: boolean
  /** The error of Prometheus, if it refused the query. */
  refused: string | undefined
}

/** Only the end of a range is evaluated: earlier points do not belong to the state that is verified. */
const EVALUATED_MS = 600_000
/** The points before the last one. The number does not depend on the panel's width, so that panels share queries. */
const POINTS = 2

/** The queries of a dashboard with one selection. */
type Step = readonly SentQuery[]

/** Queries Prometheus, each different query once. */
export interface Evaluator {
  evaluate(query: SentQuery): Promise<Evaluation>
  /** Ends a step. Frees its large answers that no later step needs: for ten thousand pods all would take a gigabyte. */
  end(step: Step): void
}

/** An answer with more series is large. */
const LARGE_SERIES = 1_000

/**
 * An evaluator that caches results. It knows all queries in advance: an instant query with the text of a range query
 * that ends at the same time uses the last point of the range.
 */
export function createEvaluator(api: PrometheusApi, steps: readonly Step[] = []): Evaluator {
  const known = new Map<string, Promise<Evaluation>>()
  const large = new Set<string>()
  const all = steps.flat()
  const ranges = new Map(all.flatMap(query => (query.kind === 'range' ? [[textOf(query), query] as const] : [])))
  const rangeOf = (query: SentQuery) => (query.kind === 'instant' ? ranges.get(textOf(query)) : undefined)
  const lastSteps = new Map(steps.flatMap(step => step.map(query => [keyOf(rangeOf(query) ?? query), step] as const)))
  const cached = async (query: SentQuery): Promise<Evaluation> => {
    const key = keyOf(query)
    const evaluation = known.get(key) ?? evaluated(api, query)
    known.set(key, evaluation)
    if ((await evaluation).samples.length > LARGE_SERIES) large.add(key)
    return await evaluation
  }
  return {
    async evaluate(query) {
      const range = rangeOf(query)
      if (range === undefined) return await cached(query)
      const whole = await cached(range)
      return whole.refused === undefined ? atEnd(whole, query) : whole
    },
    end(step) {
      for (const key of large) if (lastSteps.get(key) === step && large.delete(key)) known.delete(key)
    },
  }
}

function keyOf(query: SentQuery): string {
  const steps = query.kind === 'range' ? [coarseStepMs(query), evaluatedMs(query)] : []
  return [query.kind, ...steps, textOf(query)].join(' ')
}

function textOf({ expr, range }: SentQuery): string {
  return `${range.untilMs} ${expr}`
}

/** The result of an instant query at the end of a range. */
function atEnd({ samples, bad }: Evaluation, { range }: SentQuery): Evaluation {
  return evaluation(
    samples,
    withPoints(bad, ([timeMs]) => timeMs >= range.untilMs),
  )
}

function evaluation(samples: readonly Sample[], bad: readonly RangeSeries[], refused?: string): Evaluation {
  const isInfinite = bad.some(({ points }) => points.some(([, value]) => !Number.isNaN(value)))
  return { samples, bad, isInfinite, refused }
}

/** The series with such points, and only these points of them. */
function withPoints(
  series: readonly RangeSeries[],
  isWanted: (point: RangeSeries['points'][number]) => boolean,
): RangeSeries[] {
  return series
    .map(({ labels, points }) => ({ labels, points: points.filter(isWanted) }))
    .filter(({ points }) => points.length > 0)
}

async function evaluated(api: PrometheusApi, query: SentQuery): Promise<Evaluation> {
  try {
    const series = await seriesOf(api, query, query.expr)
    return evaluation(
      samplesAtEnd(series, query.range),
      withPoints(series, ([, value]) => !Number.isFinite(value)),
    )
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    return evaluation([], [], error.why)
  }
}

/**
 * Runs an expression as a query is run: one point for an instant query, else three points at the end of the range.
 * The last is at the query's own time, for which expected values are known.
 *
 * Throws a QueryError, or another LabError when Prometheus can't be reached.
 */
export async function seriesOf(api: PrometheusApi, query: SentQuery, expr: string): Promise<RangeSeries[]> {
  const { untilMs } = query.range
  const range = { fromMs: untilMs - evaluatedMs(query), untilMs }
  return await seriesInSteps(api, { kind: query.kind, expr, range }, coarseStepMs(query))
}

/** Runs a query: one point for an instant query, else one each `stepMs`, the last at the end of the range. Throws as the API does. */
export async function seriesInSteps(
  api: PrometheusApi,
  { kind, expr, range: { fromMs, untilMs } }: Omit<SentQuery, 'stepMs'>,
  stepMs: number,
): Promise<RangeSeries[]> {
  if (kind === 'instant') {
    const samples = await api.instant(expr, untilMs)
    return samples.map(({ labels, value }) => ({ labels, points: [[untilMs, value]] }))
  }
  const steps = Math.floor((untilMs - fromMs) / stepMs)
  return await api.range(expr, { fromMs: untilMs - steps * stepMs, untilMs }, stepMs)
}

/** The values at the end of a range, of the series that have one there. */
export function samplesAtEnd(series: readonly RangeSeries[], { untilMs }: TimeRange): Sample[] {
  return series.flatMap(({ labels, points }) => {
    const [timeMs, value] = points.at(-1) ?? [0, 0]
    return timeMs >= untilMs ? [{ labels, value }] : []
  })
}

function coarseStepMs(query: SentQuery): number {
  return Math.max(query.stepMs, Math.ceil(evaluatedMs(query) / POINTS))
}

function evaluatedMs({ range }: SentQuery): number {
  return Math.min(EVALUATED_MS, range.untilMs - range.fromMs)
}

/** A series with bad points, as text: with its infinity if it has one. */
export function badText({ labels, points }: RangeSeries): string {
  const [, value] = points.find(([, each]) => !Number.isNaN(each)) ?? [0, Number.NaN]
  return `${labelsText(labels)} ${number(value)}`
}

/** Labels in PromQL. */
export function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `{${pairs.join(', ')}}`
}
