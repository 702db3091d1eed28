import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf, measured, type Query } from './query.ts'
import { aggregate, type Grouping, POD, WORKLOAD_OF_POD } from './scope.ts'

/** The values of k8s_pod_phase, with the names in the API (k8s_cluster receiver). */
const PHASES = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const

/** Pods of any phase. */
export const pods = (group: Grouping) => measured('pods', group.by, countPods(group, ''))

/** Running pods. */
export const runningPods = (group: Grouping) => measured('running-pods', group.by, countPods(group, ' == 2'))

/** Pods by phase, with its name in the API, and by further dimensions. */
export function podsByPhase({ scope, by }: Grouping): Query {
  const phases = `max by (${identity(by)}) (k8s_pod_phase{${scope.filter}})`
  const counts = `count_values by (${labelsOf(by)}) ("phase", ${phases})`
  const expr = PHASES.reduce((inner, word, index) => {
    return `label_replace(${inner}, "phase", "${word}", "phase", "${index + 1}")`
  }, counts)
  return measured('pods', [...by, 'phase'], expr)
}

/** Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets with pods, and single pods. */
export function workloads({ scope, by }: Grouping): Query {
  const owner = 'k8s_cluster_name, k8s_namespace_name, workload, workload_type'
  const each = `group by (${owner}) (${WORKLOAD_OF_POD}{${scope.filter}})`
  return measured('workloads', by, `count by (${labelsOf(by)}) (${each})`)
}

/** Namespaces. */
export const namespaces = ({ scope, by }: Grouping) =>
  measured('namespaces', by, `count by (${labelsOf(by)}) (k8s_namespace_phase{${scope.filter}})`)

/** Measured containers: the running ones. */
export const runningContainers = (group: Grouping) =>
  measured(
    'containers',
    group.by,
    aggregate('count', group, filter => `container_memory_working_set_bytes{${filter}}`),
  )

/** Restarts of existing containers within the dashboard's time range. */
export function restarts({ scope: { filter }, by }: Grouping): Query {
  // A gauge that a new pod resets to 0, so increase() does not fit.
  const increase = `clamp_min(delta(k8s_container_restarts{${filter}}[$__range]), 0)`
  return measured('restarts', by, `sum by (${labelsOf(by)}) (${increase} and k8s_container_restarts{${filter}})`)
}

/** Counts the pods whose phase meets a condition. A pod that was just bound has two series, and is one pod. */
function countPods(group: Grouping, condition: '' | ' == 2'): string {
  return aggregate('count', group, filter => `group by (${identity(group.by)}) (k8s_pod_phase{${filter}}${condition})`)
}

/** The labels of a pod, and the dimensions that its series must keep. */
function identity(by: readonly Dimension[]): string {
  return by.includes('node') ? `${POD}, k8s_node_name` : POD
}
