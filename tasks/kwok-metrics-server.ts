/**
 * Starts metrics-server and registers it with the API server. It answers `kubectl top` and HorizontalPodAutoscalers with the usage that the
 * stats proxy reports. It scrapes every 10 s or less often, and needs two scrapes for a rate.
 *
 *   tsx tasks/kwok-metrics-server.ts
 *   kubectl --context kwok-queries-testing top pods -A
 */

import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { metricsServer, registerMetricsServer, waitUntilRegistered } from '../lib/services/metrics-server.ts'
import { labServices } from '../lib/services/service.ts'

const about = 'Starts metrics-server, for kubectl top and HorizontalPodAutoscalers.'

await runClusterTask({ about, settings: ['metricsServerPort'], changesLab: true }, async ({ lab }) => {
  await requirePortsFor(lab, metricsServer)
  // First, because it reads its rights at its start.
  await registerMetricsServer(lab)
  if (await labServices(lab).ensure(metricsServer)) say('Started metrics-server')
  await waitUntilRegistered(lab)
  print('metrics-server answers kubectl top')
})
