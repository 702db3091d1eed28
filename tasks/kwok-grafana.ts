/**
 * Starts Grafana if its binary is installed (GRAFANA_BINARY, the lab's cache, PATH), else the lab's own page. GRAFANA=grafana also downloads
 * the binary, a few hundred megabytes, once.
 *
 *   tsx tasks/kwok-grafana.ts
 *   tsx tasks/kwok-grafana.ts --grafana grafana --grafana-port 3001
 */
import { requireSources } from '../lib/kube/source-files.ts'
import { startService } from '../lib/kwok/preflight.ts'
import { type Lab, rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { findProgram, programPath } from '../lib/programs/programs.ts'
import { grafana, grafanaUrl } from '../lib/services/grafana.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { page } from '../lib/services/page.ts'
import { hasService, labServices } from '../lib/services/service.ts'

const about = "Starts Grafana if its binary is installed, else the lab's page."
const settings = ['grafana', 'grafanaPort', 'prometheusUrl', 'dashboardsDir'] as const

await runClusterTask({ about, settings, changesLab: true }, async ({ lab }) => {
  if (hasService(lab, lgtm)) {
    print(`The dashboards are at ${grafanaUrl(lab)}, in LGTM's Grafana`)
    return
  }
  requireSources(lab.settings, 'dashboardsDir')
  const program = await chosenProgram(lab)
  const chosen = lab.settings.grafana === 'none' ? undefined : program === undefined ? page : grafana
  for (const service of [grafana, page]) if (service !== chosen) await labServices(lab).stop(service)
  rememberSetting(lab, 'grafana')
  rememberSetting(lab, 'dashboardsDir')
  if (chosen === undefined) {
    print('Nothing shows the dashboards, as GRAFANA is none')
    return
  }
  await startService(lab, chosen, chosen === page ? "the lab's page" : 'Grafana')
  rememberSetting(lab, 'grafanaPort')
  print(`The dashboards are at ${grafanaUrl(lab)}`)
})

/** The Grafana binary to run; undefined where the lab's page, or nothing, takes its place. */
async function chosenProgram(lab: Lab): Promise<string | undefined> {
  const find = { grafana: programPath, auto: findProgram, page: () => undefined, none: () => undefined }[
    lab.settings.grafana
  ]
  return await find('grafana')
}
