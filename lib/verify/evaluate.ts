import type { Labels, PrometheusApi } from '../prometheus/api.ts'
import { QueryRefused } from '../prometheus/api.ts'
import type { Sample } from '../prometheus.ts'
import type { AskedQuery } from './asked.ts'
import { number } from './compare.ts'

/** What a query gave. */
export interface Evaluation {
  /** The newest number of each series that has one at the end of the range. */
  samples: readonly Sample[]
  /** Series with a NaN or an infinity, and which of them. */
  bad: readonly string[]
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
  evaluate(query: AskedQuery): Promise<Evaluation>
}

/** An evaluator that remembers what each query gave. */
export function createEvaluator(api: PrometheusApi): Evaluator {
  const known = new Map<string, Promise<Evaluation>>()
  return {
    evaluate(query) {
      const key = [query.kind, query.range.untilMs, query.kind === 'range' ? query.stepMs : 0, query.expr].join(' ')
      const earlier = known.get(key)
      if (earlier !== undefined) return earlier
      const evaluation = evaluated(api, query).catch((error: unknown) => {
        if (error instanceof QueryRefused) return { samples: [], bad: [], isInfinite: false, refused: error.why }
        throw error
      })
      known.set(key, evaluation)
      return evaluation
    },
  }
}

async function evaluated(api: PrometheusApi, { kind, expr, range, stepMs }: AskedQuery): Promise<Evaluation> {
  if (kind === 'instant') {
    const samples = await api.instant(expr, range.untilMs)
    return { samples, ...badOf(samples), refused: undefined }
  }
  const lookedAtMs = Math.min(LOOKED_AT_MS, range.untilMs - range.fromMs)
  const coarseMs = stepMs * Math.max(1, Math.ceil(lookedAtMs / stepMs / POINTS))
  // The end is the query's own time, so that it can be compared with what is true then.
  const fromMs = range.untilMs - Math.floor(lookedAtMs / coarseMs) * coarseMs
  const series = await api.range(expr, { fromMs, untilMs: range.untilMs }, coarseMs)
  const samples = series.flatMap(({ labels, points }) => {
    const [timeMs, value] = points.at(-1) ?? [0, 0]
    return timeMs >= range.untilMs ? [{ labels, value }] : []
  })
  const all = series.flatMap(({ labels, points }) => {
    const odds = points.filter(([, value]) => !Number.isFinite(value))
    const odd = odds.find(([, value]) => !Number.isNaN(value)) ?? odds[0]
    return odd === undefined ? [] : [{ labels, value: odd[1] }]
  })
  return { samples, ...badOf(all), refused: undefined }
}

function badOf(samples: readonly Sample[]): Pick<Evaluation, 'bad' | 'isInfinite'> {
  const bad = samples.filter(({ value }) => !Number.isFinite(value))
  return {
    bad: bad.map(({ labels, value }) => `${labelsText(labels)} ${number(value)}`),
    isInfinite: bad.some(({ value }) => !Number.isNaN(value)),
  }
}

/** Labels as PromQL writes them. */
export function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `{${pairs.join(', ')}}`
}
