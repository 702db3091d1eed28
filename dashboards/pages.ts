import { labPrometheus } from '../lib/checks/verify/lab-truth.ts'
import { verifyLab } from '../lib/checks/verify/verify-lab.ts'
import { partStatuses } from '../lib/kwok/lab-status.ts'
import type { Lab } from '../lib/lab/lab.ts'
import { loadCharts } from '../lib/render/charts/echarts-option.ts'
import { createPages } from '../lib/render/page/create-pages.ts'
import type { Pages } from '../lib/render/page/page-server.ts'
import { labFacts } from '../lib/render/report/lab-facts.ts'
import { hasJaeger, jaegerUrl } from '../lib/services/jaeger.ts'
import { loadDashboards, ownDashboards } from './load.ts'

/** The pages of a lab: its own dashboards, and those of the user's folder as its files are when a page is asked for. */
export function labPages(lab: Lab): Pages {
  const own = ownDashboards()
  return createPages({
    name: lab.settings.clusterName,
    prometheusUrl: labPrometheus(lab).url,
    jaegerUrl: hasJaeger(lab) ? jaegerUrl(lab) : undefined,
    scrapeMs: lab.settings.collectionInterval,
    drawChart: loadCharts(),
    dashboards() {
      const { dashboards, refused } = loadDashboards(lab.settings, { own: () => own })
      return { dashboards, refused: refused.map(({ error }) => error.message) }
    },
    facts: () => labFacts(lab),
    // Those of a cluster: make k3d-status.
    parts: async () => (lab.kind === 'kwok' ? await partStatuses(lab) : []),
    verify: (dashboard, api) =>
      verifyLab(lab, { api, dashboards: [dashboard], refused: [], waits: false, settles: false }),
  })
}
