/**
 * Starts the trace simulator. It reads from *_ADDR variables which workloads call each other (those of Online Boutique do, after make
 * kwok-boutique), simulates TRACE_RATE requests a second that begin at workloads without callers, and sends the spans of all services on the
 * path to the collector. Without such workloads it waits.
 *
 *   tsx tasks/kwok-traces.ts
 *   tsx tasks/kwok-traces.ts --trace-rate 50
 */

import { startService } from '../lib/kwok/preflight.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { jaeger, jaegerUrl } from '../lib/services/jaeger.ts'
import { hasService } from '../lib/services/service.ts'
import { traceSimulator } from '../lib/services/trace-simulator.ts'

const about = 'Starts the trace simulator, which sends the spans of workloads that call each other.'

await runClusterTask({ about, settings: ['traceRate', 'usagePreset'], changesLab: true }, async ({ lab }) => {
  await startService(lab, traceSimulator, 'the trace simulator')
  rememberSetting(lab, 'traceRate')
  const url = hasService(lab, jaeger) ? jaegerUrl(lab) : `${grafanaUrl(lab)}/explore`
  print(`The trace simulator makes ${lab.settings.traceRate} requests a second, to be seen at ${url}`)
})
