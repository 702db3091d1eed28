import { orNone, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { Prerequisite } from './query-expectations.ts'

/** Queries that show that a prerequisite is met: a scrape job, up or down, or a series that only it produces. */
const EVIDENCE: Readonly<Record<Prerequisite, string>> = {
  kwok: 'up{job="kwok-controller"}',
  etcd: 'up{job="etcd"} or etcd_server_has_leader',
  'control-plane': 'up{job="kube-apiserver"} or apiserver_request_total',
  cadvisor: 'up{job="kubelet-cadvisor"} or container_network_receive_packets_total',
  'disk-io': 'container_fs_reads_total',
  'host-metrics': 'system_cpu_time_seconds_total{k8s_node_name!=""}',
  volumes: 'k8s_volume_capacity_bytes{k8s_persistentvolumeclaim_name!=""}',
  'trace-simulator': 'traces_simulator_requests_total',
  spans: 'otelcol_receiver_accepted_spans_total',
  traces: 'traces_span_metrics_calls_total',
  'kwok-metrics': 'up{job="kwok-metrics"}',
  'example-metrics': 'lab_node_temperature_celsius',
}

/** What a lab of simulated nodes always has; where it is missing, something is broken. */
const ALWAYS_IN_KWOK_LAB: readonly Prerequisite[] = [
  'kwok',
  'etcd',
  'control-plane',
  'cadvisor',
  'disk-io',
  'host-metrics',
  'volumes',
  'trace-simulator',
]

/** The prerequisites that this cluster does not meet. */
export async function missingPrerequisites(
  api: PrometheusApi,
  isKwokLab: boolean,
  timeMs: number,
): Promise<Set<Prerequisite>> {
  const checked = (Object.keys(EVIDENCE) as Prerequisite[]).filter(
    need => !(isKwokLab && ALWAYS_IN_KWOK_LAB.includes(need)),
  )
  const found = await Promise.all(checked.map(need => orNone(api.instant(`count(${EVIDENCE[need]})`, timeMs))))
  // A prerequisite counts as met when its query fails: then the queries that need it report the error.
  return new Set(checked.filter((_, at) => found[at] !== undefined && !((found[at][0]?.value ?? 0) > 0)))
}
