/**
 * Starts Jaeger with the configuration rendered from kwok-config/jaeger.yaml, and waits until it answers. It keeps the newest traces in
 * memory: those of the control plane, of the trace simulator, and all others sent to the collector.
 *
 *   tsx tasks/kwok-jaeger.ts
 *   tsx tasks/kwok-jaeger.ts --jaeger-port 16786
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { jaegerService, jaegerUrl, wantsJaeger, writeJaegerConfig } from '../lib/services/jaeger.ts'
import { labServices } from '../lib/services/lab-services.ts'

const about = 'Starts Jaeger, which keeps the newest traces in memory.'

await runTask({ about, settings: ['jaeger', 'jaegerPort', 'jaegerOtlpPort'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  if (!wantsJaeger(lab)) {
    print('Tempo keeps the traces, in LGTM; JAEGER=true has Jaeger keep them too')
    return
  }
  await requirePortsFor(lab, 'jaeger')
  writeJaegerConfig(lab)
  if (await labServices(lab).ensure(await jaegerService(lab))) say('Started Jaeger')
  print(`Jaeger answers at ${jaegerUrl(lab)}`)
})
