/**
 * Starts what stores the metrics: in the binary runtime a Prometheus with its OTLP receiver, which also scrapes the control
 * plane and what KWOK serves. It runs with the configuration made from kwok-config/prometheus.yaml, and answers.
 *
 *   tsx tasks/kwok-lgtm.ts
 *   tsx tasks/kwok-lgtm.ts --prometheus-port 9190
 */
import { requireCluster } from '../lib/kwokctl.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { prometheusService, prometheusUrl, writePrometheusConfig } from '../lib/prometheus.ts'
import { binaryServices } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Starts Prometheus with its OTLP receiver and the jobs of kwok-config/prometheus.yaml.'

await runTask({ about, settings: ['prometheusPort', 'collectionInterval'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  await requirePortsFor(lab, 'prometheus')
  await writePrometheusConfig(lab)
  const services = binaryServices(lab)
  if (await services.ensure(await prometheusService(lab))) say('Started Prometheus')
  // Cheap, and right also when an earlier run ended between writing the file and telling.
  else await services.signal('prometheus', 'SIGHUP')
  print(`Prometheus answers at ${prometheusUrl(lab)}`)
})
