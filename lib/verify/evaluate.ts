import type { Labels, PrometheusApi } from '../prometheus/api.ts'
import { QueryRefused, type RangeSeries } from '../prometheus/api.ts'
import type { Sample } from '../prometheus.ts'
import type { AskedQuery } from './asked.ts'
import { number } from './compare.ts'

/** What a query gave. */
export interface Evaluation {
  /** The newest number of each series that has one at the end of the range. */
  samples: readonly Sample[]
  /** Points that are NaN or infinite: those of each series. */
  bad: readonly RangeSeries[]
  /** Whether one of them is an infinity. */
  isInfinite: boolean
  /** Prometheus's words when it refused. */
  refused: string | undefined
}

/** Of a range so much is looked at, its end: the rest is older than what is being verified. */
const LOOKED_AT_MS = 600_000
/** Of the points that would be drawn there every so many-eth, so that there are about five. */
const POINTS = 5

/** Asks Prometheus, each different query once. */
export interface Evaluator {
  /**
   * Says which queries come next. What is asked for an instant and, by the same text, for a range that ends then is asked for the range
   * alone: its last points are the instant's. Large answers to those before are forgotten: of ten thousand pods some hundred would take a gigabyte.
   */
  plan(queries: readonly AskedQuery[]): void
  evaluate(query: AskedQuery): Promise<Evaluation>
}

/** Answers of more series than these are large. */
const LARGE = 1_000

/** An evaluator that remembers what each query gave. */
export function createEvaluator(api: PrometheusApi): Evaluator {
  const known = new Map<string, Promise<Evaluation>>()
  const large = new Set<string>()
  let ranges = new Map<string, AskedQuery>()
  const asked = async (query: AskedQuery): Promise<Evaluation> => {
    const key = [query.kind, query.kind === 'range' ? query.stepMs : 0, textOf(query)].join(' ')
    const evaluation = known.get(key) ?? evaluated(api, query)
    known.set(key, evaluation)
    if ((await evaluation).samples.length > LARGE) large.add(key)
    return await evaluation
  }
  return {
    plan(queries) {
      for (const key of large) known.delete(key)
      large.clear()
      ranges = new Map(queries.flatMap(query => (query.kind === 'range' ? [[textOf(query), query] as const] : [])))
    },
    async evaluate(query) {
      const range = query.kind === 'instant' ? ranges.get(textOf(query)) : undefined
      return range === undefined ? await asked(query) : atEnd(await asked(range), query)
    },
  }
}

function textOf({ expr, range }: AskedQuery): string {
  return `${range.untilMs} ${expr}`
}

/** Of a range what an instant at its end would have given. */
function atEnd({ samples, bad, refused }: Evaluation, { range }: AskedQuery): Evaluation {
  const lastBad = bad.flatMap(({ labels, points }) => {
    const last = points.filter(([timeMs]) => timeMs >= range.untilMs)
    return last.length === 0 ? [] : [{ labels, points: last }]
  })
  return { samples, bad: lastBad, isInfinite: isInfinite(lastBad), refused }
}

function isInfinite(bad: readonly RangeSeries[]): boolean {
  return bad.some(({ points }) => points.some(([, value]) => !Number.isNaN(value)))
}

async function evaluated(api: PrometheusApi, query: AskedQuery): Promise<Evaluation> {
  const { untilMs } = query.range
  let series: readonly RangeSeries[]
  try {
    series = await seriesOf(api, query, query.expr)
  } catch (error) {
    if (!(error instanceof QueryRefused)) throw error
    return { samples: [], bad: [], isInfinite: false, refused: error.why }
  }
  const samples = series.flatMap(({ labels, points }) => {
    const [timeMs, value] = points.at(-1) ?? [0, 0]
    return timeMs >= untilMs ? [{ labels, value }] : []
  })
  const bad = series.flatMap(({ labels, points }) => {
    const odd = points.filter(([, value]) => !Number.isFinite(value))
    return odd.length === 0 ? [] : [{ labels, points: odd }]
  })
  return { samples, bad, isInfinite: isInfinite(bad), refused: undefined }
}

/**
 * What an expression gives when it is asked as a query is: one point for an instant, else about five of the end of the range, the last
 * of them at the query's own time, so that it can be compared with what is true then.
 *
 * Throws a QueryRefused, or another LabError when Prometheus can't be reached.
 */
export async function seriesOf(
  api: PrometheusApi,
  { kind, range, stepMs }: AskedQuery,
  expr: string,
): Promise<RangeSeries[]> {
  if (kind === 'instant') {
    const samples = await api.instant(expr, range.untilMs)
    return samples.map(({ labels, value }) => ({ labels, points: [[range.untilMs, value]] }))
  }
  const lookedAtMs = Math.min(LOOKED_AT_MS, range.untilMs - range.fromMs)
  const coarseMs = stepMs * Math.max(1, Math.ceil(lookedAtMs / stepMs / POINTS))
  const fromMs = range.untilMs - Math.floor(lookedAtMs / coarseMs) * coarseMs
  return await api.range(expr, { fromMs, untilMs: range.untilMs }, coarseMs)
}

/** Series with bad points as a person reads them: of each an infinity, where it has one. */
export function badText({ labels, points }: RangeSeries): string {
  const [, value] = points.find(([, each]) => !Number.isNaN(each)) ?? [0, Number.NaN]
  return `${labelsText(labels)} ${number(value)}`
}

/** Labels as PromQL writes them. */
export function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `{${pairs.join(', ')}}`
}
