/**
 * Starts the OpenTelemetry Collector with one kubelet_stats receiver for each node, and the watcher that adds and removes receivers when nodes
 * are added and removed. The configuration is rendered from kwok-config/kwok-otel-collector.yaml.
 *
 *   tsx tasks/kwok-collector.ts
 *   less .lab/queries-testing/config/otelcol.yaml
 */

import { fields } from '../lib/kube/json.ts'
import { internalIp } from '../lib/kube/node-address.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { getCollection } from '../lib/lab/kubectl.ts'
import { hasOtelMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { collector, collectorWatch, ensureCollector, nodesWithAddress } from '../lib/services/collector.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { hasService, labServices } from '../lib/services/service.ts'

const about = 'Starts the OpenTelemetry Collector with a receiver for each node.'

await runClusterTask(
  { about, settings: ['otlpGrpcPort', 'otlpHttpPort', 'collectionInterval', 'metrics'], changesLab: true },
  async ({ lab }) => {
    await requirePortsFor(lab, collector)
    const services = labServices(lab)
    const isMeasuring = hasOtelMetrics(lab)
    const isWatching = hasService(lab, collectorWatch)
    if (!isWatching) await services.stop(collectorWatch)
    const all = await getCollection(lab, '/api/v1/nodes')
    const nodes = nodesWithAddress(
      lab,
      all.map(({ metadata, status }) => [String(fields(metadata)['name']), internalIp(status)]),
    )
    if (await ensureCollector(lab, services, nodes)) say('Started the collector')
    if (isWatching) await services.ensure(collectorWatch)
    // In the Docker runtime LGTM has these ports.
    const { otlpGrpcPort, otlpHttpPort } = lab.settings
    const own = hasService(lab, lgtm) ? '' : `, OTLP at 127.0.0.1:${otlpGrpcPort} and :${otlpHttpPort}`
    const waiting = all.length - nodes.size
    if (isMeasuring && waiting > 0) say(`${waiting} nodes have no address yet, and are measured once they have`)
    print(`The collector ${isMeasuring ? `measures ${nodes.size} nodes` : 'receives traces'}${own}`)
  },
)
