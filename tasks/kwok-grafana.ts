/**
 * The dashboards can be looked at: in Grafana where its own program is there (GRAFANA_BINARY, the lab's cache, PATH), else on the
 * lab's own page. GRAFANA=own also downloads the program, some hundred megabytes, once.
 *
 *   tsx tasks/kwok-grafana.ts
 *   tsx tasks/kwok-grafana.ts --grafana own --grafana-port 3001
 */
import { join } from 'node:path'
import { requireDashboardsDir } from '../lib/grafana/dashboard-files.ts'
import { generatedDir } from '../lib/grafana/generated-files.ts'
import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { type Lab, rememberSetting } from '../lib/lab/lab.ts'
import { labServices, runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { findProgram, programPath } from '../lib/programs/programs.ts'
import { grafanaService, grafanaUrl } from '../lib/services/grafana.ts'
import { jaegerUrl } from '../lib/services/jaeger.ts'
import { pageService } from '../lib/services/page.ts'
import type { ServiceSpec } from '../lib/services/process-services.ts'

const about = "Starts Grafana where its program is there, else the lab's page."
const settings = ['grafana', 'grafanaPort', 'prometheusUrl', 'dashboardsDir'] as const

await runTask({ about, settings, changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  if (runtimeOf(lab) === 'docker') {
    print(`The dashboards are at ${grafanaUrl(lab)}, in LGTM's Grafana`)
    return
  }
  const services = labServices(lab)
  requireDashboardsDir(lab.settings)
  const service = await chosenService(lab)
  for (const name of ['grafana', 'page'] as const) if (name !== service?.name) await services.stop(name)
  rememberSetting(lab, 'grafana')
  rememberSetting(lab, 'dashboardsDir')
  if (service === undefined) {
    print('Nothing shows the dashboards, as GRAFANA is none')
    return
  }
  await requirePortsFor(lab, service.name)
  if (await services.ensure(service)) say(service.name === 'grafana' ? 'Started Grafana' : "Started the lab's page")
  rememberSetting(lab, 'grafanaPort')
  print(`The dashboards are at ${grafanaUrl(lab)}`)
})

async function chosenService(lab: Lab): Promise<ServiceSpec | undefined> {
  const { grafana, collectionInterval: intervalMs } = lab.settings
  if (grafana === 'none') return undefined
  const find = { own: programPath, auto: findProgram, page: () => undefined }[grafana]
  const program = await find('grafana')
  if (program === undefined) return pageService(lab)
  // Only Grafana needs these, and loading them takes longer than all the rest.
  const { datasourcesYaml, providersYaml, provisionedOwnDir } = await import('../dashboards/provisioning.ts')
  const { labPrometheus } = await import('../lib/checks/verify/lab-truth.ts')
  const jsonDir = join(generatedDir, 'json')
  const ownDir = await provisionedOwnDir(lab, say)
  const targets = { prometheusUrl: labPrometheus(lab).url, jaegerUrl: jaegerUrl(lab), intervalMs, jsonDir, ownDir }
  return grafanaService(lab, program, { datasources: datasourcesYaml(targets), dashboards: providersYaml(targets) })
}
