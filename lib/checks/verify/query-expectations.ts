import type { CallMeasure } from './call-truth.ts'
import type { HostMeasure, Measured } from './usage-bounds.ts'

/** What a panel's number counts or measures: something that can be had without PromQL, from the API or the usage model. */
export type Quantity =
  | 'nodes'
  | 'namespaces'
  | 'workloads'
  | 'pods'
  | 'running-pods'
  | 'containers'
  /** On a node, running or not. */
  | 'placed-containers'
  /** Running pods with a network of their own. */
  | 'networked-pods'
  /** Of containers that are there, within the dashboard's time range. */
  | 'restarts'
  /** 1 holds, 0 does not, -1 nobody knows; each of its own `condition`. */
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
  /** By KWOK's own metrics, which know of usage objects alone. */
  | 'kwok-cpu-usage'
  | 'kwok-memory-working-set'
  /** What the trace simulator derives from the cluster. */
  | 'trace-generators'
  | 'traced-services'
  | 'trace-problems'
  /** By the spans themselves. */
  | CallMeasure
  /** What pods and nodes use, by the usage model or their kubelets; of bytes a unit in bits makes bits. */
  | Measured
  | HostMeasure

/** What tells one number of a query from the next; each goes by the OpenTelemetry label of that name, or `workload`, or of traces `service_name`. */
export type Dimension =
  | 'cluster'
  | 'node'
  | 'namespace'
  | 'workload'
  | 'workload_type'
  /** A workload by the name that its spans have: its own. */
  | 'service'
  | 'pod'
  | 'container'
  | 'phase'
  | 'condition'
  /** A PersistentVolumeClaim. */
  | 'claim'
  /** What a service asks of another, by the name of its span. */
  | 'call'
  | 'autoscaler'
  /** Of a node's cores or memory. */
  | 'state'
  /** Of a node's disk: read, write. */
  | 'direction'

/** The label that tells one number from the next, for each dimension. */
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

/** How a query's numbers can be had otherwise: a quantity, or the ratio of two, for each value of some dimensions. */
export interface Truth {
  of: Quantity
  /** The quotient `of` / `over` of the sums, never a sum of quotients. */
  over?: Quantity
  by: readonly Dimension[]
  /** Only what has these values: a condition. */
  where?: Readonly<Partial<Record<Dimension, string>>>
  /** Not what has one of these values: idle cores. */
  except?: Readonly<Partial<Record<Dimension, string>>>
  /** It shows only what is more than nothing. */
  aboveZero?: boolean
  /** Of the node's own use too, where it isn't its pods' alone: a node's CPU, memory, network, disk. */
  withSystem?: boolean
}

/**
 * Why a query may rightly have no data or be NaN, and what has to hold then: or a broken query would be excused too. Its PromQL
 * has the dashboard's variables in it. Where the query has a truth, that says what has to be there, and `because` is enough.
 */
export interface Excuse {
  because: string
  /** This has data all the same: what the query is made of, but for what makes it rare. */
  given?: string
  /** This is nothing or zero: what there would have to be for the query to have a number. Of NaN, where its labels are the same. */
  noneOf?: string
  /** Prometheus's own list of alerts is empty. */
  noAlerts?: true
}

/** What is known of a query beside its text. */
export interface TargetMarks {
  truth?: Truth
  /** When it may rightly have no data. */
  emptyWhen?: Excuse
  /** When it may rightly be NaN. */
  nanWhen?: Excuse
  /** What this query can't do without, where the rest of its dashboard can. */
  needs?: readonly Need[]
}

/** What a dashboard can't do without; a cluster may lack it. */
export type Need =
  | 'kwok'
  | 'etcd'
  | 'control-plane'
  | 'cadvisor'
  /** How much containers read from and write to disk, which not every kernel counts. */
  | 'disk-io'
  | 'host-metrics'
  | 'volumes'
  | 'trace-simulator'
  /** That the collector has taken in, whosever they are. */
  | 'spans'
  /** Of some services: requests, errors and durations. */
  | 'traces'
  | 'kwok-metrics'
  /** Those of kwok-config/kwok-metrics.yaml, and not the user's own. */
  | 'example-metrics'

/** What is known of a dashboard beside its JSON. */
export interface DashboardMarks {
  needs: readonly Need[]
  /** By `targetKey`. */
  targets: ReadonlyMap<string, TargetMarks>
}

/** The key of a panel's query: a dashboard's panel titles are unique. */
export function targetKey(panelTitle: string, refId: string): string {
  return `${panelTitle}#${refId}`
}
