/**
 * Starts the OpenTelemetry Collector with one kubeletstats receiver for each node, and the watcher that adds and removes
 * receivers as nodes come and go. Its configuration is made from kwok-config/kwok-otel-collector.yaml.
 *
 *   tsx tasks/kwok-collector.ts
 *   less .lab/queries-testing/config/otelcol.yaml
 */
import {
  collectorService,
  collectorWatchService,
  markConfigTaken,
  reloadCollector,
  writeCollectorConfig,
} from '../lib/collector/collector.ts'
import { kubectl } from '../lib/kubectl.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { binaryServices } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Starts the OpenTelemetry Collector with a receiver for each node.'

await runTask(
  { about, settings: ['otlpGrpcPort', 'otlpHttpPort', 'collectionInterval'], changesLab: true },
  async ({ lab }) => {
    requireCluster(lab)
    await requirePortsFor(lab, 'collector')
    const services = binaryServices(lab)
    const { stdout } = await kubectl(lab, ['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])
    const nodes = stdout.split(' ').filter(name => name !== '')
    await writeCollectorConfig(lab, nodes)
    const started = await services.ensure(await collectorService(lab))
    if (started) {
      markConfigTaken(lab)
      say('Started the collector')
    } else {
      await reloadCollector(lab, services)
    }
    await services.ensure(collectorWatchService(lab, services))
    print(
      `The collector measures ${nodes.length} nodes, OTLP at 127.0.0.1:${lab.settings.otlpGrpcPort} and :${lab.settings.otlpHttpPort}`,
    )
  },
)
