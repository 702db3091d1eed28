import { loadCharts } from '../lib/draw/chart.ts'
import { hasJaeger, jaegerUrl } from '../lib/jaeger.ts'
import type { Lab } from '../lib/lab.ts'
import { labFacts } from '../lib/report/facts.ts'
import { partStatuses } from '../lib/status.ts'
import { verifyLab } from '../lib/verify/lab.ts'
import { labPrometheus } from '../lib/verify/truth.ts'
import type { Pages } from '../lib/view/server.ts'
import { createPages } from '../lib/view/view.ts'
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
