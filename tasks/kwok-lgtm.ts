/**
 * Starts what stores the metrics, and waits until it answers. In the binary runtime that is a Prometheus with its OTLP receiver,
 * which also scrapes the control plane and what KWOK serves, with the configuration made from kwok-config/prometheus.yaml. In
 * the Docker runtime it is LGTM, whose Prometheus has the same configuration, with Grafana and the lab's dashboards.
 *
 *   tsx tasks/kwok-lgtm.ts
 *   tsx tasks/kwok-lgtm.ts --prometheus-port 9190
 */
import { join } from 'node:path'
import { datasourcesYaml, providersYaml, provisionedOwnDir } from '../dashboards/provisioning.ts'
import { generatedDir, jsonFolder } from '../lib/grafana/generated-files.ts'
import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { type Lab, rememberSetting } from '../lib/lab/lab.ts'
import { labServices, runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { wantsJaeger } from '../lib/services/jaeger.ts'
import { lgtmService, lgtmTargets } from '../lib/services/lgtm.ts'
import { prometheusService, prometheusUrl, writePrometheusConfig } from '../lib/services/prometheus.ts'

const about =
  'Starts Prometheus with the jobs of kwok-config/prometheus.yaml; in the Docker runtime LGTM with the same.'
const settings = ['prometheusPort', 'grafanaPort', 'collectionInterval', 'dashboardsDir'] as const

await runTask({ about, settings, changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  if (runtimeOf(lab) === 'docker') return await startLgtm(lab)
  await requirePortsFor(lab, 'prometheus')
  await writePrometheusConfig(lab)
  const services = labServices(lab)
  if (await services.ensure(await prometheusService(lab))) say('Started Prometheus')
  // Cheap, and right also when an earlier run ended between writing the file and telling.
  else await services.signal('prometheus', 'SIGHUP')
  print(`Prometheus answers at ${prometheusUrl(lab)}`)
})

async function startLgtm(lab: Lab): Promise<void> {
  await requirePortsFor(lab, 'lgtm')
  const own = await provisionedOwnDir(lab, say)
  const targets = lgtmTargets(lab, own)
  const spec = lgtmService(lab, {
    ...{
      json: join(generatedDir, jsonFolder(wantsJaeger(lab) ? 'jaeger' : 'tempo')),
      rules: join(generatedDir, 'rules'),
      own,
    },
    ...{ datasources: datasourcesYaml(targets), providers: providersYaml(targets) },
  })
  if (await labServices(lab).ensure(spec)) say('Started LGTM')
  rememberSetting(lab, 'grafanaPort')
  rememberSetting(lab, 'dashboardsDir')
  print(`Grafana answers at ${grafanaUrl(lab)}, Prometheus at ${prometheusUrl(lab)}`)
}
