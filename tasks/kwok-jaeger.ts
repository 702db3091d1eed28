/**
 * Starts Jaeger with the configuration rendered from kwok-config/jaeger.yaml, and waits until it answers. It keeps the newest traces in
 * memory: those of the control plane, of the trace simulator, and all others sent to the collector.
 *
 *   tsx tasks/kwok-jaeger.ts
 *   tsx tasks/kwok-jaeger.ts --jaeger-port 16786
 */

import { startService } from '../lib/kwok/preflight.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { jaeger, jaegerUrl } from '../lib/services/jaeger.ts'
import { hasService } from '../lib/services/service.ts'

const about = 'Starts Jaeger, which keeps the newest traces in memory.'

await runClusterTask(
  { about, settings: ['jaeger', 'jaegerPort', 'jaegerOtlpPort'], changesLab: true },
  async ({ lab }) => {
    if (!hasService(lab, jaeger)) {
      print('Tempo in LGTM keeps the traces; with JAEGER=true Jaeger keeps them too')
      return
    }
    await startService(lab, jaeger, 'Jaeger')
    print(`Jaeger answers at ${jaegerUrl(lab)}`)
  },
)
