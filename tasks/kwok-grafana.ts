/**
 * The dashboards can be looked at: in Grafana where its own program is there (GRAFANA_BINARY, the lab's cache, PATH), else on the
 * lab's own page. GRAFANA=own also downloads the program, some hundred megabytes, once.
 *
 *   tsx tasks/kwok-grafana.ts
 *   tsx tasks/kwok-grafana.ts --grafana own --grafana-port 3001
 */
import { join } from 'node:path'
import { outDir } from '../dashboards/made.ts'
import { findProgram, programPath } from '../lib/binaries.ts'
import { requireOwnDir } from '../lib/grafana/files.ts'
import { grafanaService, grafanaUrl } from '../lib/grafana/service.ts'
import { jaegerUrl } from '../lib/jaeger.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { type Lab, rememberSetting } from '../lib/lab.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { labServices, runtimeOf } from '../lib/runtime.ts'
import type { ServiceSpec } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'
import { pageService } from '../lib/view/service.ts'

const about = "Starts Grafana where its program is there, else the lab's page."
const settings = ['grafana', 'grafanaPort', 'prometheusUrl', 'dashboardsDir'] as const

await runTask({ about, settings, changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  if (runtimeOf(lab) === 'docker') {
    print(`The dashboards are at ${grafanaUrl(lab)}, in LGTM's Grafana`)
    return
  }
  const services = labServices(lab)
  requireOwnDir(lab.settings)
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
  const { labPrometheus } = await import('../lib/verify/truth.ts')
  const jsonDir = join(outDir, 'json')
  const ownDir = await provisionedOwnDir(lab, say)
  const targets = { prometheusUrl: labPrometheus(lab).url, jaegerUrl: jaegerUrl(lab), intervalMs, jsonDir, ownDir }
  return grafanaService(lab, program, { datasources: datasourcesYaml(targets), dashboards: providersYaml(targets) })
}
