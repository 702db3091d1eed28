import { seriesInSteps } from '../../checks/verify/evaluate-queries.ts'
import { type PanelQuery, panelQueries } from '../../checks/verify/panel-queries.ts'
import type { VariableSelection } from '../../checks/verify/variable-selection.ts'
import { failedPart, LabError } from '../../cli/errors.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { interpolate } from '../../grafana/interpolate.ts'
import type { PrometheusApi, RangeSeries } from '../../prometheus/prometheus-client.ts'
import type { Answer } from './data-frames.ts'
import { type PlacedPanel, placedPanels } from './repeat-panels.ts'
import { highest, LINES } from './timeseries-panel.ts'

type AnswerSeries = Pick<Answer, 'series' | 'omitted'>

/** The maximum number of points of a series; a longer one has a larger step. */
const MAX_POINTS = 120

/** A panel as it is drawn, with the results of its queries. */
export interface QueriedPanel extends PlacedPanel {
  answers: Promise<Answer[]>
}

/**
 * Runs the queries of a dashboard's panels in order, each different one once; of repeated panels with the value of each
 * copy. Texts and rate windows are those of verify. The result of a failed query has the error.
 */
export function queryPanels(
  dashboard: Dashboard,
  selection: VariableSelection,
  given: { api: PrometheusApi; untilMs: number; scrapeMs: number },
): QueriedPanel[] {
  const { api, untilMs, scrapeMs } = given
  const known = new Map<string, Promise<AnswerSeries>>()
  const answerOf = async (query: PanelQuery): Promise<Answer> => {
    const isPart = isLines(query)
    const key = `${query.kind} ${query.stepMs} ${isPart} ${query.expr}`
    const answer =
      known.get(key) ??
      seriesInSteps(api, query, coarseStepMs(query)).then(series => (isPart ? drawn(series) : { series }))
    known.set(key, answer)
    const { target, kind, expr } = query
    const common = { target, kind, expr, legend: interpolate(target.legendFormat, query.selection.values) }
    try {
      return { ...common, ...(await answer) }
    } catch (error) {
      const { what, next } = failedPart(error)
      return { ...common, series: [], refused: error instanceof LabError ? what : `${what}; ${next}` }
    }
  }
  return placedPanels(dashboard, selection).map(placed => {
    const one = { ...dashboard, panels: [placed.panel] }
    const queries = panelQueries(one, placed.selection, { untilMs, scrapeMs })
    return { ...placed, answers: whole(queries.map(answerOf)) }
  })
}

/** When a client disconnects, further errors have no reader. */
function whole(all: readonly Promise<Answer>[]): Promise<Answer[]> {
  const answers = Promise.all(all)
  answers.catch(() => {})
  return answers
}

/** Whether a query's series are drawn as lines, of which a panel shows the highest. */
function isLines({ kind, panel }: PanelQuery): boolean {
  return kind === 'range' && LINES.includes(panel.type) && panel.transformations.length === 0
}

/** The series that are drawn: ten thousand with all points would take a hundred megabytes per panel. */
function drawn(series: readonly RangeSeries[]): AnswerSeries {
  const top = ({ points }: RangeSeries) => points.reduce((most, [, value]) => (value > most ? value : most), -Infinity)
  const kept = highest(series, top)
  return kept.length === series.length ? { series } : { series: kept, omitted: series.length - kept.length }
}

/** The smallest multiple of a query's step with no more points than the maximum. */
function coarseStepMs({ range: { fromMs, untilMs }, stepMs }: PanelQuery): number {
  return stepMs * Math.max(1, Math.ceil((untilMs - fromMs) / stepMs / MAX_POINTS))
}
