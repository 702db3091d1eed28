/**
 * Starts the OpenTelemetry Collector with one kubelet_stats receiver for each node, and the watcher that adds and removes receivers when nodes
 * are added and removed. The configuration is rendered from kwok-config/kwok-otel-collector.yaml.
 *
 *   tsx tasks/kwok-collector.ts
 *   less .lab/queries-testing/config/otelcol.yaml
 */

import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { kubectl } from '../lib/lab/kubectl.ts'
import { hasOtelMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { collector, collectorWatch, ensureCollector } from '../lib/services/collector.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { hasService, labServices } from '../lib/services/service.ts'

const about = 'Starts the OpenTelemetry Collector with a receiver for each node.'

await runTask(
  { about, settings: ['otlpGrpcPort', 'otlpHttpPort', 'collectionInterval', 'metrics'], changesLab: true },
  async ({ lab }) => {
    requireCluster(lab)
    await requirePortsFor(lab, collector)
    const services = labServices(lab)
    // It would give the collector a receiver for each node again.
    if (!hasOtelMetrics(lab)) await services.stop(collectorWatch)
    const { stdout } = await kubectl(lab, ['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])
    const nodes = stdout.split(' ').filter(name => name !== '')
    if (await ensureCollector(lab, services, nodes)) say('Started the collector')
    if (hasOtelMetrics(lab)) await services.ensure(collectorWatch)
    // In the Docker runtime LGTM has these ports.
    const { otlpGrpcPort, otlpHttpPort } = lab.settings
    const own = hasService(lab, lgtm) ? '' : `, OTLP at 127.0.0.1:${otlpGrpcPort} and :${otlpHttpPort}`
    const what = hasOtelMetrics(lab) ? `measures ${nodes.length} nodes` : 'receives traces'
    print(`The collector ${what}${own}`)
  },
)
