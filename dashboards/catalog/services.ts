import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { CLUSTER, group } from './rows.ts'

export const SPANMETRICS = 'span_metrics'
const SERVICE = [
  CLUSTER,
  'k8s_namespace_name',
  'k8s_deployment_name',
  'k8s_statefulset_name',
  'k8s_daemonset_name',
  'service_name',
  'span_kind',
  'span_name',
  'status_code',
]
const SIMULATOR = [CLUSTER, 'job', 'service_name']

/** The metrics of the collector's span_metrics connector, and those of the trace simulator. */
export function serviceMetrics(): CatalogMetric[] {
  return [
    ...group(SPANMETRICS, SERVICE, {
      traces_span_metrics_calls_total: ['counter', '1'],
      traces_span_metrics_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('traces', SIMULATOR, {
      traces_simulator_generators: ['gauge', '1'],
      traces_simulator_problems: ['gauge', '1'],
      traces_simulator_queue: ['gauge', '1'],
      traces_simulator_requests_total: ['counter', '1'],
      traces_simulator_services: ['gauge', '1'],
    }),
    ...group('traces', [...SIMULATOR, 'result'], { traces_simulator_spans_total: ['counter', '1'] }),
  ]
}
