import { lastVerify } from '../../checks/verify/last-verify.ts'
import type { DashboardsToVerify } from '../../checks/verify/verify.ts'
import { verifyLab } from '../../checks/verify/verify-lab.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { partStatuses } from '../../kwok/lab-status.ts'
import type { Lab } from '../../lab/lab.ts'
import { runningScenarios, scenarioSpans } from '../../scenarios/scenario-journal.ts'
import { hasJaeger, jaegerUrl } from '../../services/jaeger.ts'
import { labPrometheus } from '../../services/prometheus.ts'
import { loadCharts } from '../charts/echarts-option.ts'
import { labFacts } from '../report/lab-facts.ts'
import { createPages } from './create-pages.ts'
import type { Pages } from './page-server.ts'

/** The pages of a lab: with the dashboards that `loadDashboards` gives for each page, and the panels of the home page. */
export function labPages(lab: Lab, loadDashboards: () => DashboardsToVerify, glance: Dashboard): Pages {
  return createPages({
    name: lab.settings.clusterName,
    prometheusUrl: labPrometheus(lab).url,
    jaegerUrl: hasJaeger(lab) ? jaegerUrl(lab) : undefined,
    scrapeMs: lab.settings.collectionInterval,
    drawChart: loadCharts(),
    dashboards() {
      const { dashboards, refused } = loadDashboards()
      return { dashboards, refused: refused.map(({ error }) => error.message) }
    },
    glance,
    facts: () => labFacts(lab),
    spans: () => scenarioSpans(lab),
    lastVerify: () => (labPrometheus(lab).isLab ? lastVerify(lab) : new Map()),
    scenarios: () => runningScenarios(lab).map(({ text }) => text),
    // For a cluster of a context, `make k3d-status` reports them.
    parts: async () => (lab.kind === 'kwok' ? await partStatuses(lab) : []),
    verify: (dashboard, api) =>
      verifyLab(lab, {
        api,
        dashboards: [dashboard],
        refused: [],
        catalog: loadDashboards().catalog,
        waitsForWindow: false,
        retries: false,
      }),
  })
}
