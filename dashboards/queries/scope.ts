import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf } from './query.ts'

/** What a dashboard is about: the matchers that its variables put on every series. */
export interface Scope {
  /** Matchers of the OpenTelemetry labels. */
  filter: string
  /** Matchers of `workload` and `workload_type`, where the dashboard is about some workloads only. */
  workload?: string
}

/** The chosen clusters. */
export const IN_CLUSTER = chosen('k8s_cluster_name', 'cluster')
const IN_NAMESPACE = `${IN_CLUSTER}, ${chosen('k8s_namespace_name', 'namespace')}`
const OF_TYPE = chosen('workload_type', 'type')

export const inCluster: Scope = { filter: IN_CLUSTER }
export const inNamespace: Scope = { filter: IN_NAMESPACE }
export const inPod: Scope = { filter: `${IN_NAMESPACE}, ${chosen('k8s_pod_name', 'pod')}` }
export const onNode: Scope = { filter: `${IN_CLUSTER}, ${chosen('k8s_node_name', 'node')}` }
/** The workloads of one kind, or of all. */
export const ofType: Scope = { filter: IN_NAMESPACE, workload: OF_TYPE }
export const inWorkload: Scope = { filter: IN_NAMESPACE, workload: `${OF_TYPE}, ${chosen('workload', 'workload')}` }

/** What identifies a pod: its name is unique only within a namespace of a cluster. */
export const POD = 'k8s_cluster_name, k8s_namespace_name, k8s_pod_name'

/** The recording rule that says which workload each pod belongs to (`rules/kubernetes.ts`). */
export const WORKLOAD_OF_POD = 'namespace_workload_pod:k8s_pod_phase:relabel'

/** Series of the scope, brought together by some dimensions; `series` gets the matchers to put into each of its selectors. */
export function aggregate(
  operator: 'sum' | 'avg' | 'count' | 'max',
  scope: Scope,
  by: readonly Dimension[],
  series: (filter: string) => string,
): string {
  const vector = series(scope.filter)
  const ofWorkload = scope.workload !== undefined || by.includes('workload')
  const joined = ofWorkload ? `${ofPods(operator, vector, by)} ${joinWorkload(scope)}` : vector
  return `${operator} by (${labelsOf(by)}) (${joined})`
}

/** The sum of series that themselves have the labels of their pod's workload, by name. */
export function sumOwned(metric: string, { filter, workload }: Scope, by: readonly Dimension[]): string {
  const matchers = workload === undefined ? filter : `${filter}, ${workload}`
  return `sum by (${labelsOf(by)}) (${metric}{${matchers}})`
}

/** What is to be joined by pod: the sums of pods, where they are enough, are fewer than what they are made of. */
function ofPods(operator: string, vector: string, by: readonly Dimension[]): string {
  const isEnough = operator === 'sum' && by.every(dimension => OF_POD.has(dimension))
  return isEnough ? `sum by (${POD}) (${vector})` : vector
}

/** What a sum by pod still has, or gets from the join. */
const OF_POD: ReadonlySet<Dimension> = new Set(['cluster', 'namespace', 'pod', 'workload', 'workload_type'])

/** Multiplies series of pods by 1, and so gives them the labels of their workload. */
export function joinWorkload({ filter, workload }: Scope): string {
  const matchers = workload === undefined ? filter : `${filter}, ${workload}`
  return `* on (${POD}) group_left (workload, workload_type) ${WORKLOAD_OF_POD}{${matchers}}`
}

/**
 * The matcher of a label with what is chosen for a dashboard's variable. Without a format Grafana's Prometheus datasource
 * joins several values, escapes each for the regular expression and for the string around it, which `:regex` would not,
 * and leaves the `.+` that All stands for as it is.
 */
export function chosen(label: string, variable: string): string {
  return `${label}=~"$${variable}"`
}
