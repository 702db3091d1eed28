/**
 * With METRICS=prometheus or METRICS=both, starts kube-state-metrics and creates the DaemonSet of node exporters. With METRICS=otel, removes
 * both.
 *
 *   METRICS=both tsx tasks/kwok-kube-state-metrics.ts
 */

import { applyNodeExporters, deleteKubePrometheus } from '../lib/kwok/kube-prometheus.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { hasPrometheusMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { kubeStateMetrics } from '../lib/services/kube-state-metrics.ts'
import { labServices } from '../lib/services/service.ts'

const about = 'Starts kube-state-metrics and creates the node exporters, when METRICS is prometheus or both.'
const settings = ['metrics', 'kubeStateMetricsPort', 'kubeStateMetricsTelemetryPort'] as const

await runClusterTask({ about, settings, changesLab: true }, async ({ lab }) => {
  const services = labServices(lab)
  if (!hasPrometheusMetrics(lab)) {
    if (await services.stop(kubeStateMetrics)) say('Stopped kube-state-metrics')
    await deleteKubePrometheus(lab)
    print('METRICS=otel: no kube-state-metrics, no node exporters')
    return
  }
  await requirePortsFor(lab, kubeStateMetrics)
  await applyNodeExporters(lab)
  if (await services.ensure(kubeStateMetrics)) say('Started kube-state-metrics')
  print('kube-state-metrics serves the state of the cluster, and each node has a node exporter')
})
