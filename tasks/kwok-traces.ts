/**
 * Starts the trace simulator: it reads which workloads name others in *_ADDR variables (Online Boutique's do, after make
 * kwok-boutique), makes up TRACE_RATE requests a second of those that nobody calls, and sends the spans of all services on
 * their way to the collector. Without such workloads it waits for some.
 *
 *   tsx tasks/kwok-traces.ts
 *   tsx tasks/kwok-traces.ts --trace-rate 50
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { jaeger, jaegerUrl } from '../lib/services/jaeger.ts'
import { hasService, labServices } from '../lib/services/service.ts'
import { traceSimulator } from '../lib/services/trace-simulator.ts'

const about = 'Starts the trace simulator, which sends the spans of workloads that name each other.'

await runTask({ about, settings: ['traceRate', 'usagePreset'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  if (await labServices(lab).ensure(traceSimulator)) say('Started the trace simulator')
  rememberSetting(lab, 'traceRate')
  const url = hasService(lab, jaeger) ? jaegerUrl(lab) : `${grafanaUrl(lab)}/explore`
  print(`The trace simulator makes ${lab.settings.traceRate} requests a second, to be seen at ${url}`)
})
