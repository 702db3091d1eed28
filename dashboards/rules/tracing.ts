import { CALLS } from '../queries/services.ts'
import type { RuleGroup } from './rule.ts'

const SERVICE = 'k8s_cluster_name, k8s_namespace_name, service_name'
const served = (more: string) => `sum by (${SERVICE}) (rate(${CALLS}{span_kind="SPAN_KIND_SERVER"${more}}[5m]))`

/** Alerts of traced services and of the delivery of traces. */
export function tracingAlerts(): RuleGroup {
  return {
    name: 'tracing-alerts',
    rules: [
      {
        alert: 'ServiceErrorsHigh',
        expr: `${served(', status_code="STATUS_CODE_ERROR"')} / ${served('')} > 0.05`,
        for: '2m',
        severity: 'warning',
        summary: 'Service {{ $labels.k8s_namespace_name }}/{{ $labels.service_name }} answers with errors',
        description: '{{ $value | humanizePercentage }} of its requests of the last five minutes ended with an error.',
        runbook: 'Open "Online Boutique" for it: a service that it calls may have no ready pod; its traces show which.',
      },
      {
        alert: 'TraceSimulatorDropping',
        expr: 'sum by (k8s_cluster_name, result) (rate(traces_simulator_spans_total{result=~"dropped|failed"}[5m])) > 0',
        for: '1m',
        severity: 'warning',
        summary: 'The trace simulator loses spans: {{ $labels.result }}',
        description: '{{ $value | humanize }} spans per second do not reach the collector, so traces have holes.',
        runbook: 'Look whether the collector answers, and its log; else lower TRACE_RATE.',
      },
      {
        alert: 'TraceSimulatorSilent',
        expr: 'absent(traces_simulator_requests_total)',
        for: '5m',
        severity: 'warning',
        summary: 'No trace simulator reports',
        description:
          'Without it no service has new traces, and the panels of requests, errors and durations become empty.',
        runbook: 'make kwok-status names its log; make kwok-traces starts it again.',
      },
      {
        alert: 'TracesNotDelivered',
        expr: 'sum by (k8s_cluster_name, exporter) (rate(otelcol_exporter_send_failed_spans_total[5m])) > 0',
        for: '1m',
        severity: 'warning',
        summary: 'The collector cannot deliver traces through {{ $labels.exporter }}',
        description: '{{ $value | humanize }} spans per second are dropped: most likely what keeps them is down.',
        runbook:
          'make kwok-status shows whether Jaeger (in the Docker runtime LGTM) is up, and names its log; make kwok starts it again.',
      },
    ],
  }
}
