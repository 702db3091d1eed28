/**
 * Starts the OpenTelemetry Collector with one kubelet_stats receiver for each node, and the watcher that adds and removes
 * receivers as nodes come and go. Its configuration is made from kwok-config/kwok-otel-collector.yaml.
 *
 *   tsx tasks/kwok-collector.ts
 *   less .lab/queries-testing/config/otelcol.yaml
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { kubectl } from '../lib/lab/kubectl.ts'
import { labServices, runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { collectorWatchService, ensureCollector } from '../lib/services/collector.ts'

const about = 'Starts the OpenTelemetry Collector with a receiver for each node.'

await runTask(
  { about, settings: ['otlpGrpcPort', 'otlpHttpPort', 'collectionInterval'], changesLab: true },
  async ({ lab }) => {
    requireCluster(lab)
    await requirePortsFor(lab, 'collector')
    const services = labServices(lab)
    const { stdout } = await kubectl(lab, ['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])
    const nodes = stdout.split(' ').filter(name => name !== '')
    if (await ensureCollector(lab, services, nodes)) say('Started the collector')
    await services.ensure(collectorWatchService(lab, services))
    const { otlpGrpcPort, otlpHttpPort } = lab.settings
    const own = runtimeOf(lab) === 'binary' ? `, OTLP at 127.0.0.1:${otlpGrpcPort} and :${otlpHttpPort}` : ''
    print(`The collector measures ${nodes.length} nodes${own}`)
  },
)
