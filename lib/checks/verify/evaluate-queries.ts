import type { Labels, PrometheusApi, Sample } from '../../prometheus/prometheus-client.ts'
import { QueryError, type RangeSeries } from '../../prometheus/prometheus-client.ts'
import { number } from './compare-values.ts'
import type { AskedQuery } from './panel-queries.ts'

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
/** So many points of it are looked at before the one at its end, whichever would be drawn: panels of other widths then ask for the same. */
const POINTS = 2

/** What is asked together: the queries of a dashboard under one choice. */
type Step = readonly AskedQuery[]

/** Asks Prometheus, each different query once. */
export interface Evaluator {
  evaluate(query: AskedQuery): Promise<Evaluation>
  /** Says that a step is over. Its large answers that no later step needs are forgotten: of ten thousand pods all would take a gigabyte. */
  end(step: Step): void
}

/** Answers of more series than these are large. */
const LARGE = 1_000

/**
 * An evaluator that remembers what each query gave. It knows all that will be asked: what is asked for an instant and, by the same text,
 * for a range that ends then is asked for the range alone, whose last points are the instant's.
 */
export function createEvaluator(api: PrometheusApi, steps: readonly Step[] = []): Evaluator {
  const known = new Map<string, Promise<Evaluation>>()
  const large = new Set<string>()
  const all = steps.flat()
  const ranges = new Map(all.flatMap(query => (query.kind === 'range' ? [[textOf(query), query] as const] : [])))
  const rangeOf = (query: AskedQuery) => (query.kind === 'instant' ? ranges.get(textOf(query)) : undefined)
  const lastSteps = new Map(steps.flatMap(step => step.map(query => [keyOf(rangeOf(query) ?? query), step] as const)))
  const asked = async (query: AskedQuery): Promise<Evaluation> => {
    const key = keyOf(query)
    const evaluation = known.get(key) ?? evaluated(api, query)
    known.set(key, evaluation)
    if ((await evaluation).samples.length > LARGE) large.add(key)
    return await evaluation
  }
  return {
    async evaluate(query) {
      const range = rangeOf(query)
      return range === undefined ? await asked(query) : atEnd(await asked(range), query)
    },
    end(step) {
      for (const key of large) if (lastSteps.get(key) === step && large.delete(key)) known.delete(key)
    },
  }
}

function keyOf(query: AskedQuery): string {
  return [query.kind, ...(query.kind === 'range' ? [coarseStepMs(query), lookedAtMs(query)] : []), textOf(query)].join(
    ' ',
  )
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
    if (!(error instanceof QueryError)) throw error
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
 * What an expression gives when it is asked as a query is: one point for an instant, else three of the end of the range, the last
 * of them at the query's own time, so that it can be compared with what is true then.
 *
 * Throws a QueryError, or another LabError when Prometheus can't be reached.
 */
export async function seriesOf(api: PrometheusApi, query: AskedQuery, expr: string): Promise<RangeSeries[]> {
  const { kind, range } = query
  if (kind === 'instant') {
    const samples = await api.instant(expr, range.untilMs)
    return samples.map(({ labels, value }) => ({ labels, points: [[range.untilMs, value]] }))
  }
  const coarseMs = coarseStepMs(query)
  const fromMs = range.untilMs - Math.floor(lookedAtMs(query) / coarseMs) * coarseMs
  return await api.range(expr, { fromMs, untilMs: range.untilMs }, coarseMs)
}

function coarseStepMs(query: AskedQuery): number {
  return Math.max(query.stepMs, Math.ceil(lookedAtMs(query) / POINTS))
}

function lookedAtMs({ range }: AskedQuery): number {
  return Math.min(LOOKED_AT_MS, range.untilMs - range.fromMs)
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
