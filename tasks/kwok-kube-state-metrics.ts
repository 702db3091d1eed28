/**
 * With METRICS=prometheus or METRICS=both, starts kube-state-metrics. With METRICS=otel, removes it.
 *
 *   METRICS=both tsx tasks/kwok-kube-state-metrics.ts
 */

import { deleteKubeStateMetricsRights } from '../lib/kwok/kube-state-metrics-rights.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { hasPrometheusMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { kubeStateMetrics } from '../lib/services/kube-state-metrics.ts'
import { labServices } from '../lib/services/service.ts'

const about = 'Starts kube-state-metrics when METRICS is prometheus or both.'
const settings = ['metrics', 'kubeStateMetricsPort', 'kubeStateMetricsTelemetryPort'] as const

await runTask({ about, settings, changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  const services = labServices(lab)
  if (!hasPrometheusMetrics(lab)) {
    if (await services.stop(kubeStateMetrics)) say('Stopped kube-state-metrics')
    await deleteKubeStateMetricsRights(lab)
    print('METRICS=otel: the lab has no kube-state-metrics')
    return
  }
  await requirePortsFor(lab, kubeStateMetrics)
  if (await services.ensure(kubeStateMetrics)) say('Started kube-state-metrics')
  print('kube-state-metrics serves the state of the cluster')
})
