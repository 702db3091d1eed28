/**
 * Serves the dashboards, drawn live, at http://127.0.0.1:3000: the lab's own and those of DASHBOARDS_DIR, with variables, time range,
 * refresh, links, each panel's query, alerts that fire, and verify's verdict on request. It goes on in the background until kwok-down, or --stop.
 *
 *   tsx tasks/view.ts
 *   tsx tasks/view.ts --grafana-port 3001 --dashboards-dir mine
 */
import { labDashboards } from '../dashboards/index.ts'
import { loadCharts } from '../lib/draw/chart.ts'
import { readDashboardFiles } from '../lib/grafana/files.ts'
import { readDashboard } from '../lib/grafana/read.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { type Lab, rememberSetting } from '../lib/lab.ts'
import { grafanaUrl } from '../lib/lgtm.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { labFacts } from '../lib/report/facts.ts'
import { labServices, runtimeOf } from '../lib/runtime.ts'
import { partStatuses } from '../lib/status.ts'
import { print, runTask, say } from '../lib/task.ts'
import { labPrometheus, labTruth } from '../lib/verify/truth.ts'
import { type Verifiable, verify } from '../lib/verify/verify.ts'
import { createPageServer } from '../lib/view/server.ts'
import { pageService, pageUrl } from '../lib/view/service.ts'
import { createPages } from '../lib/view/view.ts'

const about = 'Serves the dashboards, drawn live, on 127.0.0.1.'
const settings = ['grafanaPort', 'prometheusUrl', 'dashboardsDir'] as const
const switches = { stop: 'stop serving', serve: 'serve in the foreground' }

await runTask({ about, settings, switches, takesLabAsItIs: true }, async ({ lab, switches: chosen }) => {
  requireCluster(lab)
  if (chosen.has('serve')) return await serve(lab)
  if (runtimeOf(lab) === 'docker') {
    print(`Grafana serves the dashboards at ${grafanaUrl(lab)}`)
    return
  }
  const services = labServices(lab)
  if (chosen.has('stop')) {
    print((await services.stop('page')) ? 'The page is no longer served' : 'No page is served')
    return
  }
  await requirePortsFor(lab, 'page')
  if (await services.ensure(pageService(lab))) say('Started the page')
  rememberSetting(lab, 'grafanaPort')
  print(`The dashboards are at ${pageUrl(lab)}`)
})

async function serve(lab: Lab): Promise<void> {
  const { url } = labPrometheus(lab)
  const { clusterName, collectionInterval: scrapeMs, grafanaPort, dashboardsDir } = lab.settings
  const own: Verifiable[] = labDashboards().map(({ name, json, marks }) => ({
    dashboard: readDashboard(json, `dashboards/${name}`),
    marks,
  }))
  const pages = createPages({
    ...{ name: clusterName, prometheusUrl: url, scrapeMs, drawChart: await loadCharts() },
    dashboards() {
      const { dashboards, refused } = readDashboardFiles(dashboardsDir === 'none' ? [] : [dashboardsDir])
      const foreign = dashboards.map(dashboard => ({ dashboard, marks: undefined }))
      return { dashboards: [...own, ...foreign], refused: refused.map(({ message }) => message) }
    },
    facts: () => labFacts(lab),
    parts: () => partStatuses(lab),
    async verify(dashboard, api) {
      const truth = await labTruth(lab, 4 * scrapeMs)
      try {
        const isKwokLab = truth !== undefined
        return await verify({ api, dashboards: [dashboard], refused: [], scrapeMs, truth, isKwokLab, settleMs: 0 })
      } finally {
        truth?.close()
      }
    },
  })
  const server = createPageServer(pages)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: grafanaPort, host: '127.0.0.1' }, resolve)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0))
  await new Promise(resolve => server.once('close', resolve))
}
