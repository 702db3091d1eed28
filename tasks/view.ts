/**
 * Serves the dashboards with live data at http://127.0.0.1:3000: the lab's own and those of DASHBOARDS_DIR, with variables, time range,
 * refresh, links, the query of each panel, firing alerts, and verify on request. Runs in the background until kwok-down or --stop; for a
 * cluster that KUBE_CONTEXT names, until Ctrl-C.
 *
 *   tsx tasks/view.ts
 *   tsx tasks/view.ts --kube-context my-cluster
 *   tsx tasks/view.ts --grafana-port 3001 --dashboards-dir mine
 */
import { LabError, UsageError } from '../lib/cli/errors.ts'
import { requireContext } from '../lib/k3d/agreement.ts'
import { ownCluster } from '../lib/k3d/k3d-cluster.ts'
import { reachPrometheus } from '../lib/k3d/port-forward.ts'
import { requireSources } from '../lib/kube/source-files.ts'
import { startService } from '../lib/kwok/preflight.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { asReader } from '../lib/lab/kubeconfig.ts'
import { type Lab, rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { createPageServer, type Pages } from '../lib/render/page/page-server.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { page } from '../lib/services/page.ts'
import { hasService, labServices } from '../lib/services/service.ts'
import { requireFreePorts } from '../lib/system/ports.ts'

const about = 'Serves the dashboards with live data on 127.0.0.1.'
const settings = ['grafanaPort', 'prometheusUrl', 'dashboardsDir', 'kubeContext'] as const
/** A page that serves in the foreground runs as long as the lab, so it does not hold the lab's lock. */
const changesLab = (chosen: ReadonlySet<string>, kind: Lab['kind']) => kind === 'kwok' && !chosen.has('serve')
const flags = { stop: 'stop serving', serve: 'serve in the foreground' }

const task = { about, settings, flags, on: 'either', ignoreCreationSettings: true, changesLab } as const
await runTask(task, async ({ lab, flags: chosen }) => {
  if (lab.kind === 'context') {
    if (!chosen.has('stop')) return await serveContext(lab)
    throw new UsageError('There is nothing to stop', {
      why: 'the page of a cluster ends with the terminal that it was started from',
      next: 'Ctrl-C there',
    })
  }
  requireCluster(lab)
  if (chosen.has('serve')) return await serve(asReader(lab, 'page'))
  if (hasService(lab, lgtm)) {
    print(`Grafana serves the dashboards at ${grafanaUrl(lab)}`)
    return
  }
  if (chosen.has('stop')) {
    print((await labServices(lab).stop(page)) ? 'The page is no longer served' : 'No page is served')
    return
  }
  requireSources(lab.settings, 'dashboardsDir')
  await startService(lab, page, 'the page')
  rememberSetting(lab, 'grafanaPort')
  rememberSetting(lab, 'dashboardsDir')
  print(`The dashboards are at ${grafanaUrl(lab)}`)
})

/** No task stops the page of another cluster, so it ends with the terminal. */
async function serveContext(opened: Lab): Promise<void> {
  await requireContext(opened)
  if (ownCluster(opened) !== undefined) return print(`Grafana serves the dashboards at ${grafanaUrl(opened)}`)
  await requireFreePorts(opened.settings, ['grafanaPort'])
  const { lab, ended } = await reachPrometheus(opened)
  print(`The dashboards are at ${grafanaUrl(lab)}; Ctrl-C ends it`)
  const message = await Promise.race([serve(lab), ended])
  throw new LabError('The port-forward to Prometheus ended', {
    why: message ?? 'the pod of LGTM ended',
    next: 'run this again; LGTM may have a new pod',
  })
}

async function loadPages(lab: Lab): Promise<Pages> {
  const [{ labPages }, { glanceDashboard, loadDashboards }] = await Promise.all([
    import('../lib/render/page/lab-pages.ts'),
    import('../dashboards/load.ts'),
  ])
  // A file that is being edited must not take its dashboard away.
  const memory = new Map()
  return labPages(lab, () => loadDashboards(lab.settings, memory), glanceDashboard(lab.settings))
}

async function serve(lab: Lab): Promise<void> {
  let pages: Promise<Pages> | undefined
  const server = createPageServer(async request => {
    // The code that draws takes seconds to load, and most of the memory.
    pages ??= loadPages(lab)
    return await (await pages)(request)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: lab.settings.grafanaPort, host: '127.0.0.1' }, resolve)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0))
  await new Promise(resolve => server.once('close', resolve))
}
