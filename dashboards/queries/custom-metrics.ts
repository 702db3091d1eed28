import type { Query } from './query.ts'
import { chosen, onNode } from './scope.ts'

const OF_NODE = onNode.filter
/** KWOK's labels of pods are a kubelet's, `namespace` and `pod`. */
const OF_POD = `${OF_NODE}, ${chosen('namespace', 'namespace')}`
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

/** Disk operations a second, of a histogram of nodes. */
export const diskOperations: Query = {
  expr: `sum by (${NODE}) (rate(lab_node_disk_latency_seconds_count{${OF_NODE}}[$__rate_interval]))`,
  legend: '{{k8s_node_name}}',
}

/** Seconds within which that part of the disk operations of all chosen nodes is done. */
export const diskLatencies: Query[] = QUANTILES.map(quantile => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(lab_node_disk_latency_seconds_bucket{${OF_NODE}}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
}))

/** Requests that wait at the pods of each application, on average: a gauge of pods. */
export const queueLength: Query = {
  expr: `avg by (${APP}) (lab_pod_queue_length{${OF_POD}})`,
  legend: '{{namespace}} {{app}}',
}

/** Requests a second of the pods of each application: a counter of pods. */
export const podRequests: Query = {
  expr: `sum by (${APP}) (rate(lab_pod_requests_total{${OF_POD}}[$__rate_interval]))`,
  legend: '{{namespace}} {{app}}',
}

/** Seconds within which that part of the requests of the chosen pods is answered, of a histogram of pods. */
export const requestDurations: Query[] = QUANTILES.map(quantile => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(lab_pod_request_duration_seconds_bucket{${OF_POD}}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
}))

/** Seconds that the pods of each application take for a request in the mean. */
export const meanRequestDuration: Query = {
  expr: ['sum', 'count']
    .map(part => `sum by (${APP}) (rate(lab_pod_request_duration_seconds_${part}{${OF_POD}}[$__rate_interval]))`)
    .join(' / '),
  legend: '{{namespace}} {{app}}',
}

/** Files that each container holds open: a gauge of containers. */
export const openFiles: Query = {
  expr: `sum by (${CONTAINER}) (lab_container_open_files{${OF_POD}})`,
  legend: '{{pod}} {{container}}',
}

/** Bytes a second that each container writes to its log: a counter of containers. */
export const logBytes: Query = {
  expr: `sum by (${CONTAINER}) (rate(lab_container_log_bytes_total{${OF_POD}}[$__rate_interval]))`,
  legend: '{{pod}} {{container}}',
}
