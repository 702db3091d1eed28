/** Quantities of the other files, from the metrics of kube-state-metrics, kubelets and node exporters under kube-prometheus' labels. */
import {
  type Dimension,
  type DimensionLabels,
  kubePrometheusLabels,
  nodeExporterLabels,
  type Quantity,
  type Truth,
} from '../../lib/checks/verify/query-expectations.ts'
import type { Direction } from './network.ts'
import { labelsOf, measured, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { selected } from './scope.ts'

const CLUSTER = ['cluster'] as const
const NODE = ['cluster', 'node'] as const
const NAMESPACE = ['cluster', 'namespace'] as const
export const POD = [...NAMESPACE, 'pod'] as const

const IN_CLUSTER = selected('cluster', 'cluster')
const IN_NAMESPACE = `${IN_CLUSTER}, ${selected('namespace', 'namespace')}`
/** Without it, a query would also sum the collector's series of the same names. */
const CADVISOR = 'job="kubelet", metrics_path="/metrics/cadvisor"'
/** The cgroups of containers, not those of pods and pause containers. */
const CONTAINERS = `${CADVISOR}, container!="", ${IN_NAMESPACE}`
/** The cgroup of all processes of a node. */
const ROOT = `${CADVISOR}, id="/", ${IN_CLUSTER}`

/** The file system of a node's disk. */
const OF_DISK = `${IN_CLUSTER}, mountpoint="/"`

type By = readonly Dimension[]

export const nodes = total('nodes', CLUSTER, `kube_node_info{${IN_CLUSTER}}`)

/** Nodes for which each condition is true. */
export const nodesByCondition = total(
  'nodes',
  ['cluster', 'condition'],
  `kube_node_status_condition{${IN_CLUSTER}, status="true"}`,
)

export const runningPods = (by: By) =>
  total('running-pods', by, `kube_pod_status_phase{${IN_NAMESPACE}, phase="Running"}`)

export const podsByPhase = total('pods', ['cluster', 'phase'], `kube_pod_status_phase{${IN_NAMESPACE}}`)

/** Pods of any phase, by the node that they are bound to. */
export const podsPerNode = total('pods', NODE, `kube_pod_info{${IN_NAMESPACE}}`)

/** Allocatable cores, bytes or pods of the nodes. */
export const allocatable = (resource: 'cpu' | 'memory' | 'pods') =>
  total(`${resource}-allocatable`, NODE, `kube_node_status_allocatable{${IN_CLUSTER}, resource="${resource}"}`)

export const memoryCapacity = total(
  'memory-capacity',
  NODE,
  `kube_node_status_capacity{${IN_CLUSTER}, resource="memory"}`,
)

/** Requests or limits of the containers of unfinished pods, in cores or bytes. */
export function requested(resource: 'cpu' | 'memory', kind: 'requests' | 'limits', by: By): Query {
  const all = `kube_pod_container_resource_${kind}{${IN_NAMESPACE}, resource="${resource}"}`
  const unfinished = `kube_pod_status_phase{${IN_NAMESPACE}, phase=~"Pending|Running"} == 1`
  return total(`${resource}-${kind}`, by, `${all} and on (cluster, namespace, pod) (${unfinished})`)
}

/** The smallest of several quotas of a namespace applies. Requests have a short name too: `cpu` is `requests.cpu`. */
export function quota(resource: 'cpu' | 'memory', kind: 'requests' | 'limits'): Query {
  const name = kind === 'requests' ? `=~"requests.${resource}|${resource}"` : `="limits.${resource}"`
  const hard = `kube_resourcequota{${IN_NAMESPACE}, type="hard", resource${name}}`
  const query = measured(`quota-${resource}-${kind}`, NAMESPACE, `min by (cluster, namespace) (${hard})`, {
    labels: kubePrometheusLabels,
  })
  return {
    ...query,
    legend: `${query.legend} quota - ${kind}`,
    emptyWhen: { because: 'a namespace may have no quota, or none for this resource' },
  }
}

/** Restarts of existing containers within the dashboard's time range. */
export const restarts = total(
  'restarts',
  NAMESPACE,
  `increase(kube_pod_container_status_restarts_total{${IN_NAMESPACE}}[$__range]) and kube_pod_container_status_restarts_total{${IN_NAMESPACE}}`,
)

/** The replicas of the autoscalers. */
export const replicas = (which: 'current' | 'desired' | 'max') =>
  total(
    `hpa-${which}`,
    [...NAMESPACE, 'autoscaler'],
    `kube_horizontalpodautoscaler_${which === 'max' ? 'spec_max' : `status_${which}`}_replicas{${IN_NAMESPACE}}`,
  )

/** Used cores of containers. */
export const cpuUsage = (by: By) => total('cpu-usage', by, rate(`container_cpu_usage_seconds_total{${CONTAINERS}}`))

export const cpuUsageOverRequests = (by: By) => quotient(cpuUsage(by), requested('cpu', 'requests', by))

/** The share of throttled CFS periods of a container, 0 to 1. */
export function cpuThrottling(by: By): Query {
  const throttled = total('cpu-throttled-periods', by, rate(`container_cpu_cfs_throttled_periods_total{${CONTAINERS}}`))
  const periods = total('cpu-periods', by, rate(`container_cpu_cfs_periods_total{${CONTAINERS}}`))
  return {
    ...quotient(throttled, periods),
    emptyWhen: { because: 'only a container with a CPU limit has CFS periods' },
    nanWhen: { because: 'a container without CFS periods has no share', noneOf: periods.expr },
  }
}

/** Working sets of containers in bytes. */
export const memoryWorkingSet = (by: By) =>
  total('memory-working-set', by, `container_memory_working_set_bytes{${CONTAINERS}}`)

export const memoryUsageOverRequests = (by: By) => quotient(memoryWorkingSet(by), requested('memory', 'requests', by))

export const memoryRss = (by: By) => total('memory-rss', by, `container_memory_rss{${CONTAINERS}}`)

export const memoryCache = (by: By) => total('memory-cache', by, `container_memory_cache{${CONTAINERS}}`)

/** Bytes per second of the pods' network. Only the pause container of a pod has it. */
export const bandwidth = (direction: Direction, by: By) =>
  total(`network-${direction}`, by, rate(`container_network_${direction}_bytes_total{${CADVISOR}, ${IN_NAMESPACE}}`))

/** Dropped packets per second. */
export const droppedPackets = (direction: Direction, by: By) =>
  total(
    `drops-${direction}`,
    by,
    rate(`container_network_${direction}_packets_dropped_total{${CADVISOR}, ${IN_NAMESPACE}}`),
  )

/** Bytes per second that containers read from and write to disks. */
export const diskReads = (by: By) => total('disk-read-bytes', by, rate(`container_fs_reads_bytes_total{${CONTAINERS}}`))

export const diskWrites = (by: By) =>
  total('disk-written-bytes', by, rate(`container_fs_writes_bytes_total{${CONTAINERS}}`))

/** Bytes of the claims' volumes. Pods that share a claim report the same volume. */
export const volumes = (what: 'used' | 'capacity') =>
  measured(
    `volume-${what}`,
    [...NAMESPACE, 'claim'],
    `max by (cluster, namespace, persistentvolumeclaim) (kubelet_volume_stats_${what}_bytes{job="kubelet", ${IN_NAMESPACE}})`,
    { labels: kubePrometheusLabels },
  )

/** Used cores of nodes, with their pods and their system, by their kubelets. */
export const nodeCpuUsage = ofNode('cpu-usage', rate(`container_cpu_usage_seconds_total{${ROOT}}`))

/** Working sets of nodes in bytes, with their pods and their system, by their kubelets. */
export const nodeMemoryWorkingSet = ofNode('memory-working-set', `container_memory_working_set_bytes{${ROOT}}`)

/** Cores that are not idle, by node exporters. */
export const exportedCpuUsage = total(
  'host-cpu',
  NODE,
  rate(`node_cpu_seconds_total{${IN_CLUSTER}, mode!="idle"}`),
  { except: { state: 'idle' } },
  nodeExporterLabels,
)

/** Used memory in bytes, by node exporters. */
export const exportedMemoryUsage = ofHost(
  'memory-working-set',
  `node_memory_MemTotal_bytes{${IN_CLUSTER}} - node_memory_MemAvailable_bytes{${IN_CLUSTER}}`,
)

/** The used share of the root file system, 0 to 1, by node exporters. */
export const exportedFilesystemUsage = quotient(
  total(
    'filesystem-used',
    NODE,
    `node_filesystem_size_bytes{${OF_DISK}} - node_filesystem_avail_bytes{${OF_DISK}}`,
    {},
    nodeExporterLabels,
  ),
  total('filesystem-capacity', NODE, `node_filesystem_size_bytes{${OF_DISK}}`, {}, nodeExporterLabels),
)

/** Bytes per second that nodes read from and write to their disks, by node exporters. */
export const exportedDiskReads = ofHost('disk-read-bytes', rate(`node_disk_read_bytes_total{${IN_CLUSTER}}`))
export const exportedDiskWrites = ofHost('disk-written-bytes', rate(`node_disk_written_bytes_total{${IN_CLUSTER}}`))

/** Bytes per second of the nodes' network interfaces, by node exporters. */
export const exportedBandwidth = (direction: Direction) =>
  ofHost(`network-${direction}`, rate(`node_network_${direction}_bytes_total{${IN_CLUSTER}, device!="lo"}`))

/** The usage of nodes with their system, by kubelets. */
function ofNode(of: Quantity, series: string): Query {
  return total(of, NODE, series, { withSystem: true })
}

/** The same by node exporters. */
function ofHost(of: Quantity, series: string): Query {
  return total(of, NODE, series, { withSystem: true }, nodeExporterLabels)
}

function total(
  of: Quantity,
  by: By,
  series: string,
  more: Omit<Truth, 'of' | 'by' | 'labels'> = {},
  labels: DimensionLabels = kubePrometheusLabels,
): Query {
  return measured(of, by, `sum by (${labelsOf(by, labels)}) (${series})`, { ...more, labels })
}

function rate(series: string): string {
  return `rate(${series}[$__rate_interval])`
}
