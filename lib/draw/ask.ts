import { LabError } from '../errors.ts'
import { interpolate } from '../grafana/interpolate.ts'
import type { Dashboard, Panel } from '../grafana/model.ts'
import type { PrometheusApi, RangeSeries, TimeRange } from '../prometheus/api.ts'
import { type AskedQuery, askedQueries } from '../verify/asked.ts'
import type { Choice } from '../verify/choices.ts'
import type { Answer } from './frames.ts'

/** A chart has room for so many points; a longer series is thinned by its query's step. */
const MOST_POINTS = 120

/**
 * Asks the queries of a dashboard's panels under one choice of variables, each different one once. The texts are those that verify asks, with the same rate windows; a query that is
 * refused or not answered says so in its own answer.
 */
export async function askPanels(
  dashboard: Dashboard,
  choice: Choice,
  given: { api: PrometheusApi; untilMs: number; scrapeMs: number },
): Promise<Map<Panel, Answer[]>> {
  const { api, untilMs, scrapeMs } = given
  const known = new Map<string, Promise<RangeSeries[]>>()
  const answers = new Map<Panel, Answer[]>()
  const asked = askedQueries(dashboard, choice, { untilMs, scrapeMs })
  const all = await Promise.all(
    asked.map(async query => {
      const key = `${query.kind} ${query.stepMs} ${query.expr}`
      const answer = known.get(key) ?? askQuery(api, query)
      known.set(key, answer)
      const { target, kind, expr } = query
      const legend = interpolate(target.legendFormat, choice.values)
      const common = { target, kind, expr, legend }
      try {
        return { panel: query.panel, answer: { ...common, series: await answer } }
      } catch (error) {
        if (!(error instanceof LabError)) throw error
        return { panel: query.panel, answer: { ...common, series: [], refused: error.message } }
      }
    }),
  )
  for (const { panel, answer } of all) answers.set(panel, [...(answers.get(panel) ?? []), answer])
  return answers
}

async function askQuery(api: PrometheusApi, { kind, expr, range, stepMs }: AskedQuery): Promise<RangeSeries[]> {
  if (kind === 'instant') {
    const samples = await api.instant(expr, range.untilMs)
    return samples.map(({ labels, value }) => ({ labels, points: [[range.untilMs, value] as const] }))
  }
  const coarseMs = coarseStep(range, stepMs)
  // The newest point is at the end of the range, where verify looks.
  const fromMs = range.untilMs - Math.floor((range.untilMs - range.fromMs) / coarseMs) * coarseMs
  return await api.range(expr, { fromMs, untilMs: range.untilMs }, coarseMs)
}

/** A multiple of a query's own step that gives no more points than a chart has room for. */
export function coarseStep({ fromMs, untilMs }: TimeRange, stepMs: number): number {
  return stepMs * Math.max(1, Math.ceil((untilMs - fromMs) / stepMs / MOST_POINTS))
}
