import { resultsOf } from '../../checks/verify/last-verify.ts'
import { dashboardRange, queryFacts } from '../../checks/verify/panel-queries.ts'
import { selectVariables } from '../../checks/verify/variable-selection.ts'
import type { DashboardToVerify } from '../../checks/verify/verify.ts'
import type { VerifyReport } from '../../checks/verify/verify-report.ts'
import { dashboardKeys, shownTitles } from '../../grafana/dashboard-identity.ts'
import type { PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { ScenarioSpan } from '../../scenarios/scenario-journal.ts'
import { chartMarks } from '../charts/chart-marks.ts'
import { loadCharts } from '../charts/echarts-option.ts'
import { type Html, html } from '../charts/html.ts'
import type { PanelNumbers } from '../charts/panel-html.ts'
import { queryPanels } from '../charts/query-panels.ts'
import { dashboardBody, panelVerdicts } from '../charts/verdict-badges.ts'
import { anchorOf, type ReportedDashboard } from './report-html.ts'

/** Draws dashboards at the time of verify's queries, with All selected in each variable that has it. */
export async function drawDashboards(given: {
  api: PrometheusApi
  dashboards: readonly DashboardToVerify[]
  verified: VerifyReport
  untilMs: number
  scrapeMs: number
  /** The scenarios of the lab. */
  spans: readonly ScenarioSpan[]
  onProgress: (text: string) => void
}): Promise<ReportedDashboard[]> {
  const { api, dashboards, verified, untilMs, scrapeMs, spans, onProgress } = given
  const found = resultsOf(verified)
  const drawChart = loadCharts()
  const listed = dashboards.map(({ dashboard }) => dashboard)
  const keys = dashboardKeys(listed)
  const titles = shownTitles(listed)
  const sourceOf = (uid: string) => listed.find(each => each.uid === uid)?.source ?? ''
  const all: ReportedDashboard[] = []
  const askFor = async ({ dashboard }: DashboardToVerify) => {
    const range = dashboardRange(dashboard, untilMs)
    const targets = dashboard.panels.flatMap(panel => panel.targets)
    const metrics = [...new Set(targets.flatMap(({ expr }) => queryFacts(expr).metrics))]
    const { selection } = await selectVariables(dashboard, 'all', { api, range, metrics })
    const panels = queryPanels(dashboard, selection, { api, untilMs, scrapeMs })
    return { range, selection, panels, marks: await chartMarks(range, { api, spans, scrapeMs }) }
  }
  // While a dashboard is drawn, Prometheus answers the queries of the next one; all at once would take much memory.
  let next: ReturnType<typeof askFor> | undefined
  for (const [index, each] of dashboards.entries()) {
    const { dashboard } = each
    onProgress(`drawing ${dashboard.title} (${index + 1} of ${dashboards.length})`)
    const { source } = dashboard
    const result = verified.dashboards.find(each => each.source === source)
    const key = keys.get(source) ?? ''
    const { range, selection, panels, marks } = await (next ?? askFor(each))
    const following = dashboards[index + 1]
    next = following && askFor(following)
    next?.catch(() => {})
    const numbers = new Map<string, PanelNumbers>()
    const partial = new Set<string>()
    const parts = dashboardBody(dashboard, panels, {
      onNumbers: (key, found, isPart) => {
        numbers.set(key, found)
        if (isPart) partial.add(key)
      },
      drawChart,
      range,
      variables: selection.values,
      time: '',
      idPrefix: anchorOf(key),
      verdicts: panelVerdicts(found.get(source), { hasTime: false }),
      marks,
      // A file has one selection of variables, so a link leads to the dashboard in the file.
      hrefOf: ({ url }, uid) => {
        if (uid === undefined) return url.startsWith('/') ? undefined : url
        const linked = keys.get(sourceOf(uid))
        return linked === undefined ? undefined : `#${anchorOf(linked)}`
      },
    })
    const body: Html[] = []
    for await (const part of parts) body.push(part)
    all.push({
      key,
      title: titles.get(source) ?? dashboard.title,
      dashboard,
      result,
      numbers,
      partial,
      body: html`${body}`,
    })
  }
  return all
}
