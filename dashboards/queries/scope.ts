import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf } from './query.ts'

/** The scope of a dashboard: the matchers that its variables add to every series. */
export interface Scope {
  /** Matchers of the OpenTelemetry labels. */
  filter: string
  /** Matchers of `workload` and `workload_type`, for dashboards of some workloads. */
  workload?: string
}

/** The scope of a query, and the dimensions of its result. */
export interface Grouping {
  scope: Scope
  by: readonly Dimension[]
}

/** The selected clusters. */
export const IN_CLUSTER = selected('k8s_cluster_name', 'cluster')
const IN_NAMESPACE = `${IN_CLUSTER}, ${selected('k8s_namespace_name', 'namespace')}`
const OF_TYPE = selected('workload_type', 'type')

export const inCluster: Scope = { filter: IN_CLUSTER }
export const inNamespace: Scope = { filter: IN_NAMESPACE }
export const inPod: Scope = { filter: `${IN_NAMESPACE}, ${selected('k8s_pod_name', 'pod')}` }
export const onNode: Scope = { filter: `${IN_CLUSTER}, ${selected('k8s_node_name', 'node')}` }
/** The workloads of one type, or of all. */
export const ofType: Scope = { filter: IN_NAMESPACE, workload: OF_TYPE }
export const inWorkload: Scope = { filter: IN_NAMESPACE, workload: `${OF_TYPE}, ${selected('workload', 'workload')}` }

/** The labels that identify a pod, whose name is unique only within a namespace of a cluster. */
export const POD = 'k8s_cluster_name, k8s_namespace_name, k8s_pod_name'

/** The recording rule with the workload of each pod (`rules/kubernetes.yaml`). */
export const WORKLOAD_OF_POD = 'namespace_workload_pod:k8s_pod_phase:relabel'

/** Aggregates the series of the scope by some dimensions; `series` puts the matchers into each of its selectors. */
export function aggregate(
  operator: 'sum' | 'avg' | 'count',
  { scope, by }: Grouping,
  series: (filter: string) => string,
): string {
  const vector = series(scope.filter)
  const ofWorkload = scope.workload !== undefined || by.includes('workload')
  const joined = ofWorkload ? `${ofPods(operator, vector, by)} ${joinWorkload(scope)}` : vector
  return `${operator} by (${labelsOf(by)}) (${joined})`
}

/** The sum of series that have the labels of their pod's workload. */
export function sumOwned(metric: string, { scope, by }: Grouping): string {
  return `sum by (${labelsOf(by)}) (${metric}{${matchersOf(scope)}})`
}

/** The left side of a join by pod. Where sums by pod suffice, they are fewer series. */
function ofPods(operator: string, vector: string, by: readonly Dimension[]): string {
  const isEnough = operator === 'sum' && by.every(dimension => OF_POD.has(dimension))
  return isEnough ? `sum by (${POD}) (${vector})` : vector
}

/** The dimensions that a sum by pod has, or gets from the join. */
const OF_POD: ReadonlySet<Dimension> = new Set(['cluster', 'namespace', 'pod', 'workload', 'workload_type'])

/** Adds the labels of the workload to series of pods, by a multiplication by 1. */
function joinWorkload(scope: Scope): string {
  return `* on (${POD}) group_left (workload, workload_type) ${WORKLOAD_OF_POD}{${matchersOf(scope)}}`
}

function matchersOf({ filter, workload }: Scope): string {
  return workload === undefined ? filter : `${filter}, ${workload}`
}

/**
 * The matcher of a label with the selected values of a variable. Without a format, Grafana's Prometheus datasource
 * joins several values and escapes each for the regular expression and for the string around it (`:regex` would not
 * do the latter), and keeps the `.+` of All.
 */
export function selected(label: string, variable: string): string {
  return `${label}=~"$${variable}"`
}
