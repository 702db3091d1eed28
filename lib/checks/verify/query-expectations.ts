import type { CallMeasure } from './call-truth.ts'
import type { HostMeasure, Measured } from './usage-bounds.ts'

/** What the number of a panel counts or measures. Verify computes each quantity without PromQL. */
export type Quantity =
  | 'nodes'
  | 'namespaces'
  | 'workloads'
  | 'pods'
  | 'running-pods'
  | 'containers'
  /** Bound to a node, running or not. */
  | 'placed-containers'
  /** Running pods without `hostNetwork`. */
  | 'networked-pods'
  /** Restarts of existing containers within the dashboard's time range. */
  | 'restarts'
  /** 1 for True, 0 for False, -1 for Unknown, by `condition`. */
  | 'node-condition'
  | 'cpu-requests'
  | 'cpu-limits'
  | 'memory-requests'
  | 'memory-limits'
  | 'cpu-allocatable'
  | 'memory-allocatable'
  | 'pods-allocatable'
  | 'memory-capacity'
  | 'quota-cpu-requests'
  | 'quota-cpu-limits'
  | 'quota-memory-requests'
  | 'quota-memory-limits'
  | 'filesystem-used'
  | 'filesystem-capacity'
  | 'volume-capacity'
  | 'volume-available'
  | 'volume-used'
  | 'volume-inodes'
  | 'volume-inodes-free'
  | 'volume-inodes-used'
  | 'hpa-current'
  | 'hpa-desired'
  | 'hpa-max'
  /** KWOK's own metrics, which are computed from usage objects alone. */
  | 'kwok-cpu-usage'
  | 'kwok-memory-working-set'
  /** Counts of the trace simulator. */
  | 'trace-generators'
  | 'traced-services'
  | 'trace-problems'
  /** Computed from the spans. */
  | CallMeasure
  /** Usage by the usage model or the kubelets. A panel with a unit in bits shows bytes as bits. */
  | Measured
  | HostMeasure

/** A dimension of a query's result. Its label is in `labelOfDimension`. */
export type Dimension =
  | 'cluster'
  | 'node'
  | 'namespace'
  | 'workload'
  | 'workload_type'
  /** A workload by the service name of its spans. */
  | 'service'
  | 'pod'
  | 'container'
  | 'phase'
  | 'condition'
  /** A PersistentVolumeClaim. */
  | 'claim'
  /** The name of a client span. */
  | 'call'
  | 'autoscaler'
  /** The state of CPU time or memory of a node. */
  | 'state'
  /** Direction of a node's disk I/O: read, write. */
  | 'direction'

/** The label of each dimension. */
export const labelOfDimension = {
  cluster: 'k8s_cluster_name',
  node: 'k8s_node_name',
  namespace: 'k8s_namespace_name',
  workload: 'workload',
  workload_type: 'workload_type',
  service: 'service_name',
  pod: 'k8s_pod_name',
  container: 'k8s_container_name',
  phase: 'phase',
  condition: 'condition',
  call: 'span_name',
  claim: 'k8s_persistentvolumeclaim_name',
  autoscaler: 'k8s_hpa_name',
  state: 'state',
  direction: 'direction',
} as const satisfies Record<Dimension, string>

/** How verify computes the values of a query: a quantity, or the ratio of two, by some dimensions. */
export interface Truth {
  of: Quantity
  /** The quotient `of` / `over` of the sums, never a sum of quotients. */
  over?: Quantity
  by: readonly Dimension[]
  /** Only objects with these values, such as a condition. */
  where?: Readonly<Partial<Record<Dimension, string>>>
  /** Except objects with one of these values, such as idle CPU time. */
  except?: Readonly<Partial<Record<Dimension, string>>>
  /** The query returns only values above zero. */
  aboveZero?: boolean
  /** Includes the usage of the node's system, not only that of its pods. */
  withSystem?: boolean
}

/**
 * Why a query may have no data or be NaN, with conditions that must hold, so that a broken query does not pass. The
 * PromQL in it can use the dashboard's variables. For a query with a truth the expected values decide, and `because`
 * is enough.
 */
export interface AllowedEmpty {
  because: string
  /** This query must have data: the same query without what makes it rare. */
  given?: string
  /**
   * This query must be empty or zero: the series that the query needs. For NaN, at the labels and times of the NaN
   * values.
   */
  noneOf?: string
  /** Prometheus must have no alerts. */
  noAlerts?: true
}

/** What verify expects of a query. */
export interface QueryExpectations {
  truth?: Truth
  /** When it may have no data. */
  emptyWhen?: AllowedEmpty
  /** When it may be NaN. */
  nanWhen?: AllowedEmpty
  /** Prerequisites of this query that the rest of its dashboard does not have. */
  prerequisites?: readonly Prerequisite[]
}

/** What a dashboard or query requires of the cluster. */
export type Prerequisite =
  | 'kwok'
  | 'etcd'
  | 'control-plane'
  | 'cadvisor'
  /** Disk I/O of containers, which not every kernel counts. */
  | 'disk-io'
  | 'host-metrics'
  | 'volumes'
  | 'trace-simulator'
  /** Spans in the collector, of any source. */
  | 'spans'
  /** Span metrics of services: requests, errors and durations. */
  | 'traces'
  | 'kwok-metrics'
  /** The metrics of kwok-config/kwok-metrics.yaml. */
  | 'example-metrics'

/** What verify expects of a dashboard. */
export interface DashboardExpectations {
  prerequisites: readonly Prerequisite[]
  /** By `queryKey`. */
  queries: ReadonlyMap<string, QueryExpectations>
}

/** The key of a panel's query. Panel titles are unique in a dashboard of the lab. */
export function queryKey(panelTitle: string, refId: string): string {
  return `${panelTitle}#${refId}`
}
