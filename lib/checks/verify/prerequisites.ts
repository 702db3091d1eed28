import { type PrometheusApi, QueryError } from '../../prometheus/prometheus-client.ts'
import type { Need } from './query-expectations.ts'

/** What shows that a cluster has it: a job that is scraped, down or not, or series that nothing else makes. */
const SIGNS: Readonly<Record<Need, string>> = {
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

/** What a lab of simulated nodes always has: where it lacks there, something is broken. */
const OF_KWOK: readonly Need[] = [
  'kwok',
  'etcd',
  'control-plane',
  'cadvisor',
  'disk-io',
  'host-metrics',
  'volumes',
  'trace-simulator',
]

/** What of all that a dashboard can need is not there. */
export async function missingNeeds(api: PrometheusApi, isKwokLab: boolean, timeMs: number): Promise<Set<Need>> {
  const asked = (Object.keys(SIGNS) as Need[]).filter(need => !(isKwokLab && OF_KWOK.includes(need)))
  const isThere = await Promise.all(
    asked.map(async need => {
      try {
        const [sample] = await api.instant(`count(${SIGNS[need]})`, timeMs)
        return (sample?.value ?? 0) > 0
      } catch (error) {
        // What can't be known is not said to be absent: then the queries of it say what is wrong.
        if (error instanceof QueryError) return true
        throw error
      }
    }),
  )
  return new Set(asked.filter((_, index) => isThere[index] === false))
}
