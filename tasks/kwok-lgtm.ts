/**
 * Starts the metrics store and waits until it answers. In the binary runtime it is a Prometheus with an OTLP receiver, which also scrapes the
 * control plane and the metrics of KWOK; its configuration is rendered from kwok-config/prometheus.yaml. In the Docker runtime it is LGTM: a
 * Prometheus with the same configuration, and Grafana with the lab's dashboards. With ALERTMANAGER=true it also starts Alertmanager, to which
 * Prometheus sends the alerts; with ALERTMANAGER=false it stops that.
 *
 *   tsx tasks/kwok-lgtm.ts
 *   tsx tasks/kwok-lgtm.ts --prometheus-port 9190
 *   tsx tasks/kwok-lgtm.ts --alertmanager true
 */
import { requireSources } from '../lib/kube/source-files.ts'
import { requirePortsFor, startService } from '../lib/kwok/preflight.ts'
import { type Lab, rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { alertmanager, alertmanagerUrl } from '../lib/services/alertmanager.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { prometheus, prometheusUrl, writePrometheusConfig } from '../lib/services/prometheus.ts'
import { hasService, labServices } from '../lib/services/service.ts'
import { applyUserRules, userRulesLines } from '../lib/services/user-rules.ts'

const about =
  'Starts Prometheus with the jobs of kwok-config/prometheus.yaml, in the Docker runtime LGTM; with ALERTMANAGER=true also Alertmanager.'
const settings = [
  'prometheusPort',
  'grafanaPort',
  'collectionInterval',
  'dashboardsDir',
  'rulesDir',
  'metrics',
  'alertmanager',
  'alertmanagerPort',
] as const

await runClusterTask({ about, settings, changesLab: true }, async ({ lab }) => {
  requireSources(lab.settings, 'rulesDir')
  rememberSetting(lab, 'metrics')
  for (const line of userRulesLines(await applyUserRules(lab))) say(line)
  rememberSetting(lab, 'rulesDir')
  await applyAlertmanager(lab)
  if (hasService(lab, lgtm)) return await startLgtm(lab)
  await requirePortsFor(lab, prometheus)
  await writePrometheusConfig(lab)
  const services = labServices(lab)
  if (await services.ensure(prometheus)) say('Started Prometheus')
  // Also when the file is unchanged: an earlier run may have ended after it wrote the file and before the signal.
  else await services.signal(prometheus, 'SIGHUP')
  print(`Prometheus answers at ${prometheusUrl(lab)}`)
})

/** Before Prometheus: alerts that it cannot deliver are sent again after a minute. */
async function applyAlertmanager(lab: Lab): Promise<void> {
  if (!hasService(lab, alertmanager)) {
    if (await labServices(lab).stop(alertmanager)) say('Stopped Alertmanager')
  } else {
    await startService(lab, alertmanager, 'Alertmanager')
    print(`Alertmanager answers at ${alertmanagerUrl(lab)}`)
  }
  rememberSetting(lab, 'alertmanager')
  rememberSetting(lab, 'alertmanagerPort')
}

async function startLgtm(lab: Lab): Promise<void> {
  await startService(lab, lgtm, 'LGTM')
  rememberSetting(lab, 'grafanaPort')
  rememberSetting(lab, 'dashboardsDir')
  print(`Grafana answers at ${grafanaUrl(lab)}, Prometheus at ${prometheusUrl(lab)}`)
}
