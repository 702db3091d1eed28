import type { Lab } from './lab.ts'

/** Whether the collector measures the cluster, under OpenTelemetry's names (METRICS). */
export function hasOtelMetrics({ settings }: Pick<Lab, 'settings'>): boolean {
  return settings.metrics !== 'prometheus'
}

/** Whether Prometheus scrapes kube-state-metrics, kubelets and node exporters, under kube-prometheus' names and labels (METRICS). */
export function hasPrometheusMetrics({ settings }: Pick<Lab, 'settings'>): boolean {
  return settings.metrics !== 'otel'
}
