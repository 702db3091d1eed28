import { type PanelQuery, panelQueries } from '../../checks/verify/panel-queries.ts'
import type { VariableSelection } from '../../checks/verify/variable-selection.ts'
import { failedPart, LabError } from '../../cli/errors.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { interpolate } from '../../grafana/interpolate.ts'
import type { PrometheusApi, RangeSeries, TimeRange } from '../../prometheus/prometheus-client.ts'
import type { Answer } from './data-frames.ts'
import { highest, LINES } from './timeseries-panel.ts'

type AnswerSeries = Pick<Answer, 'series' | 'omitted'>

/** A chart has room for so many points; a longer series is thinned by its query's step. */
const MAX_POINTS = 120

/**
 * Asks the queries of a dashboard's panels under one selection of variables, in their order, each different one once; gives what each panel
 * will have. The texts are those that verify asks, with the same rate windows; a query that is refused or not answered says so in its own answer.
 */
export function queryPanels(
  dashboard: Dashboard,
  selection: VariableSelection,
  given: { api: PrometheusApi; untilMs: number; scrapeMs: number },
): ReadonlyMap<Panel, Promise<Answer[]>> {
  const { api, untilMs, scrapeMs } = given
  const known = new Map<string, Promise<AnswerSeries>>()
  const asked = panelQueries(dashboard, selection, { untilMs, scrapeMs })
  const answerOf = async (query: PanelQuery): Promise<Answer> => {
    const isPart = isLines(query)
    const key = `${query.kind} ${query.stepMs} ${isPart} ${query.expr}`
    const answer = known.get(key) ?? runQuery(api, query).then(series => (isPart ? drawn(series) : { series }))
    known.set(key, answer)
    const { target, kind, expr } = query
    const common = { target, kind, expr, legend: interpolate(target.legendFormat, selection.values) }
    try {
      return { ...common, ...(await answer) }
    } catch (error) {
      const { what, next } = failedPart(error)
      return { ...common, series: [], refused: error instanceof LabError ? what : `${what}; ${next}` }
    }
  }
  const answers = new Map<Panel, Promise<Answer>[]>()
  for (const query of asked) answers.set(query.panel, [...(answers.get(query.panel) ?? []), answerOf(query)])
  return new Map([...answers].map(([panel, all]) => [panel, whole(all)]))
}

/** Whoever stops reading a page waits for no more answers: what is wrong with them is nobody's matter then. */
function whole(all: readonly Promise<Answer>[]): Promise<Answer[]> {
  const answers = Promise.all(all)
  answers.catch(() => {})
  return answers
}

/** Whether a query's series become lines as they are, of which a panel draws the highest. */
function isLines({ kind, panel }: PanelQuery): boolean {
  return kind === 'range' && LINES.includes(panel.type) && panel.transformations.length === 0
}

/** The series that will be drawn: ten thousand with all their points would take a hundred megabytes for each panel of a page. */
function drawn(series: readonly RangeSeries[]): AnswerSeries {
  const top = ({ points }: RangeSeries) => points.reduce((most, [, value]) => (value > most ? value : most), -Infinity)
  const kept = highest(series, top)
  return kept.length === series.length ? { series } : { series: kept, omitted: series.length - kept.length }
}

async function runQuery(api: PrometheusApi, { kind, expr, range, stepMs }: PanelQuery): Promise<RangeSeries[]> {
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
  return stepMs * Math.max(1, Math.ceil((untilMs - fromMs) / stepMs / MAX_POINTS))
}
