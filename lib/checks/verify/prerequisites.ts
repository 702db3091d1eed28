import type { Settings } from '../../cli/settings.ts'
import { orNone, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { Dialect } from '../lint/metric-catalog.ts'

/**
 * What a dashboard or query requires of the cluster, with a query that shows it: a scrape job, up or down, or a series
 * that only it produces.
 */
const EVIDENCE = {
  kwok: 'up{job="kwok-controller"}',
  etcd: 'up{job="etcd"} or etcd_server_has_leader',
  'control-plane': 'up{job="apiserver"} or apiserver_request_total',
  cadvisor: 'up{job="kubelet-cadvisor"} or container_network_receive_packets_total',
  /** Disk I/O of containers, which not every kernel counts. */
  'disk-io': 'container_fs_reads_total',
  /** The cluster under kube-prometheus' names and labels. */
  'kube-prometheus-metrics': 'kube_node_info',
  'host-metrics': 'system_cpu_time_seconds_total{k8s_node_name!=""}',
  volumes: 'k8s_volume_capacity_bytes{k8s_persistentvolumeclaim_name!=""}',
  'trace-simulator': 'traces_simulator_requests_total',
  /** Spans in the collector, of any source. */
  spans: 'otelcol_receiver_accepted_spans_total',
  /** Span metrics of services: requests, errors and durations. */
  traces: 'traces_span_metrics_calls_total',
  'kwok-metrics': 'up{job="kwok-metrics"}',
  /** The metrics of kwok-config/kwok-metrics.yaml. */
  'example-metrics': 'lab_node_temperature_celsius',
} as const

type Shown = keyof typeof EVIDENCE
/** `otel-metrics`: the cluster under OpenTelemetry's names and labels, which only METRICS=prometheus leaves out. */
export type Prerequisite = Shown | 'otel-metrics'

/** What a lab of simulated nodes may lack. It always has the rest; where that is missing, something is broken. */
const OPTIONAL: readonly string[] = ['spans', 'traces', 'kwok-metrics', 'example-metrics'] satisfies Shown[]

/** The prerequisite that a lab with this METRICS does not meet: the metrics of the other dialect. */
const NOT_MEASURED = { otel: 'kube-prometheus-metrics', prometheus: 'otel-metrics', both: undefined } as const

/** The dialects that a cluster has. */
export function dialectsOf(missing: Missing): Dialect[] {
  return [
    ...(missing.has(NOT_MEASURED.prometheus) ? [] : ['otel' as const]),
    ...(missing.has(NOT_MEASURED.otel) ? [] : ['prometheus' as const]),
  ]
}

/** Missing prerequisites, as text: the name, and the command that adds it if METRICS leaves it out. */
export type Missing = ReadonlyMap<Prerequisite, string>

/**
 * The prerequisites that this cluster does not meet. `metrics` is METRICS of a lab of simulated nodes: what the lab must have then is never
 * missing, also where Prometheus has none of it.
 */
export async function missingPrerequisites(
  api: PrometheusApi,
  metrics: Settings['metrics'] | undefined,
  timeMs: number,
): Promise<Missing> {
  const all = Object.keys(EVIDENCE) as Shown[]
  const checked = metrics === undefined ? all : all.filter(need => OPTIONAL.includes(need))
  const found = await Promise.all(checked.map(need => orNone(api.instant(`count(${EVIDENCE[need]})`, timeMs))))
  // A prerequisite counts as met when its query fails: then the queries that need it report the error.
  const isMissing = (_: Shown, at: number) => found[at] !== undefined && !((found[at][0]?.value ?? 0) > 0)
  const missing = new Map<Prerequisite, string>(checked.filter(isMissing).map(need => [need, need]))
  const notMeasured = metrics && NOT_MEASURED[metrics]
  return notMeasured === undefined ? missing : missing.set(notMeasured, `${notMeasured} (make kwok METRICS=both)`)
}
