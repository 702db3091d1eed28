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

/** Runs a query. A refused one has no series. Throws a PrometheusUnreachable. */
export async function evaluate(api: PrometheusApi, query: SentQuery): Promise<Evaluation> {
  try {
    const series = await seriesOf(api, query, query.expr)
    const bad = series.flatMap(({ labels, points }) => {
      const found = points.filter(([, value]) => !Number.isFinite(value))
      return found.length === 0 ? [] : [{ labels, points: found }]
    })
    const isInfinite = bad.some(({ points }) => points.some(([, value]) => !Number.isNaN(value)))
    return { samples: samplesAtEnd(series, query.range), bad, isInfinite, refused: undefined }
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    return { samples: [], bad: [], isInfinite: false, refused: error.why }
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
