/**
 * Starts the trace simulator: it reads which workloads name others in *_ADDR variables (Online Boutique's do, after make
 * kwok-boutique), makes up TRACE_RATE requests a second of those that nobody calls, and sends the spans of all services on
 * their way to the collector. Without such workloads it waits for some.
 *
 *   tsx tasks/kwok-traces.ts
 *   tsx tasks/kwok-traces.ts --trace-rate 50
 */
import { jaegerUrl } from '../lib/jaeger.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { rememberSetting } from '../lib/lab.ts'
import { binaryServices } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'
import { tracesService } from '../lib/traces/service.ts'

const about = 'Starts the trace simulator, which sends the spans of workloads that name each other.'

await runTask({ about, settings: ['traceRate', 'usagePreset'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  const services = binaryServices(lab)
  if (await services.ensure(tracesService(lab, services))) say('Started the trace simulator')
  rememberSetting(lab, 'traceRate')
  print(`The trace simulator makes ${lab.settings.traceRate} requests a second, to be seen at ${jaegerUrl(lab)}`)
})
