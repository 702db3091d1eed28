/**
 * Starts Jaeger, which keeps the newest traces in memory: those of the control plane, of the trace simulator, and whatever is
 * sent to the collector. It runs with the configuration made from kwok-config/jaeger.yaml, and answers.
 *
 *   tsx tasks/kwok-jaeger.ts
 *   tsx tasks/kwok-jaeger.ts --jaeger-port 16786
 */
import { jaegerService, jaegerUrl, writeJaegerConfig } from '../lib/jaeger.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { binaryServices } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Starts Jaeger, which keeps the newest traces in memory.'

await runTask({ about, settings: ['jaegerPort', 'jaegerOtlpPort'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  await requirePortsFor(lab, 'jaeger')
  writeJaegerConfig(lab)
  if (await binaryServices(lab).ensure(await jaegerService(lab))) say('Started Jaeger')
  print(`Jaeger answers at ${jaegerUrl(lab)}`)
})
