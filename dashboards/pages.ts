import { loadCharts } from '../lib/draw/chart.ts'
import { ownPaths, readDashboardFiles } from '../lib/grafana/files.ts'
import { readDashboard } from '../lib/grafana/read.ts'
import { hasJaeger, jaegerUrl } from '../lib/jaeger.ts'
import type { Lab } from '../lib/lab.ts'
import { labFacts } from '../lib/report/facts.ts'
import { partStatuses } from '../lib/status.ts'
import { labPrometheus, labTruth } from '../lib/verify/truth.ts'
import { type Verifiable, verify } from '../lib/verify/verify.ts'
import type { Pages } from '../lib/view/server.ts'
import { createPages } from '../lib/view/view.ts'
import { labDashboards } from './index.ts'

/** The pages of a lab: its own dashboards, and those of the user's folder as its files are when a page is asked for. */
export function labPages(lab: Lab): Pages {
  const { url } = labPrometheus(lab)
  const { clusterName, collectionInterval: scrapeMs } = lab.settings
  const own: Verifiable[] = labDashboards().map(({ name, json, marks }) => ({
    dashboard: readDashboard(json, `dashboards/${name}`),
    marks,
  }))
  return createPages({
    ...{
      name: clusterName,
      prometheusUrl: url,
      jaegerUrl: hasJaeger(lab) ? jaegerUrl(lab) : undefined,
      scrapeMs,
      drawChart: loadCharts(),
    },
    dashboards() {
      const { dashboards, refused } = readDashboardFiles(ownPaths(lab.settings))
      const foreign = dashboards.map(dashboard => ({ dashboard, marks: undefined }))
      return { dashboards: [...own, ...foreign], refused: refused.map(({ error }) => error.message) }
    },
    facts: () => labFacts(lab),
    // Those of a cluster: make k3d-status.
    parts: async () => (lab.kind === 'kwok' ? await partStatuses(lab) : []),
    async verify(dashboard, api) {
      const truth = await labTruth(lab, 4 * scrapeMs)
      try {
        const isKwokLab = truth !== undefined && lab.kind === 'kwok'
        return await verify({ api, dashboards: [dashboard], refused: [], scrapeMs, truth, isKwokLab, settleMs: 0 })
      } finally {
        truth?.close()
      }
    },
  })
}
