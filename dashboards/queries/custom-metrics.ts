import type { Query } from './query.ts'
import { onNode, selected } from './scope.ts'

const OF_NODE = onNode.filter
/** KWOK's series have a kubelet's labels of pods, `namespace` and `pod`. */
const OF_POD = `${OF_NODE}, ${selected('namespace', 'namespace')}`
const NODE = 'k8s_cluster_name, k8s_node_name'
const APP = 'k8s_cluster_name, namespace, app'
const CONTAINER = 'k8s_cluster_name, namespace, pod, container'
const QUANTILES = [0.5, 0.95, 0.99] as const

/** Degrees Celsius: a gauge of nodes. */
export const temperature: Query = {
  expr: `max by (${NODE}) (lab_node_temperature_celsius{${OF_NODE}})`,
  legend: '{{k8s_node_name}}',
}

/** Containers that were started within the dashboard's time range: a counter of nodes. */
export const startedContainers: Query = {
  expr: `sum by (${NODE}) (increase(lab_node_started_containers_total{${OF_NODE}}[$__range]))`,
  legend: '{{k8s_node_name}}',
}

/** Disk operations per second, from a histogram of nodes. */
export const diskOperations: Query = {
  expr: `sum by (${NODE}) (rate(lab_node_disk_latency_seconds_count{${OF_NODE}}[$__rate_interval]))`,
  legend: '{{k8s_node_name}}',
}

/** A quantile of the duration of disk operations of all selected nodes, in seconds. */
export const diskLatencies: Query[] = QUANTILES.map(quantile => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(lab_node_disk_latency_seconds_bucket{${OF_NODE}}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
}))

/** Waiting requests per pod of each application, on average: a gauge of pods. */
export const queueLength: Query = {
  expr: `avg by (${APP}) (lab_pod_queue_length{${OF_POD}})`,
  legend: '{{namespace}} {{app}}',
}

/** Requests per second of the pods of each application: a counter of pods. */
export const podRequests: Query = {
  expr: `sum by (${APP}) (rate(lab_pod_requests_total{${OF_POD}}[$__rate_interval]))`,
  legend: '{{namespace}} {{app}}',
}

/** A quantile of the request duration of the selected pods, in seconds, from a histogram of pods. */
export const requestDurations: Query[] = QUANTILES.map(quantile => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(lab_pod_request_duration_seconds_bucket{${OF_POD}}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
}))

/** The mean request duration of the pods of each application, in seconds. */
export const meanRequestDuration: Query = {
  expr: ['sum', 'count']
    .map(part => `sum by (${APP}) (rate(lab_pod_request_duration_seconds_${part}{${OF_POD}}[$__rate_interval]))`)
    .join(' / '),
  legend: '{{namespace}} {{app}}',
}

/** Open files of each container: a gauge of containers. */
export const openFiles: Query = {
  expr: `sum by (${CONTAINER}) (lab_container_open_files{${OF_POD}})`,
  legend: '{{pod}} {{container}}',
}

/** Bytes per second in the log of each container: a counter of containers. */
export const logBytes: Query = {
  expr: `sum by (${CONTAINER}) (rate(lab_container_log_bytes_total{${OF_POD}}[$__rate_interval]))`,
  legend: '{{pod}} {{container}}',
}
