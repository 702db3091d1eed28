import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf, legendOf, type Query } from './query.ts'
import { aggregate, POD, type Scope, WORKLOAD_OF_POD } from './scope.ts'

/** k8s_pod_phase's numbers, in the words of the API (k8s_cluster receiver). */
const PHASES = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const

/** Pods of any phase. */
export function pods(scope: Scope, by: readonly Dimension[]): Query {
  return {
    // A pod that has just got its node has two series: it is one pod.
    expr: aggregate('count', scope, by, filter => `group by (${identity(by)}) (k8s_pod_phase{${filter}})`),
    legend: legendOf(by),
    truth: { of: 'pods', by },
  }
}

/** Pods that run. */
export function runningPods(scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('count', scope, by, filter => `group by (${identity(by)}) (k8s_pod_phase{${filter}} == 2)`),
    legend: legendOf(by),
    truth: { of: 'running-pods', by },
  }
}

/** Pods by phase, in the API's words, and by what else is asked for. */
export function podsByPhase({ filter }: Scope, by: readonly Dimension[]): Query {
  const phases = `max by (${identity(by)}) (k8s_pod_phase{${filter}})`
  const counts = `count_values by (${labelsOf(by)}) ("phase", ${phases})`
  const expr = PHASES.reduce((inner, word, index) => {
    return `label_replace(${inner}, "phase", "${word}", "phase", "${index + 1}")`
  }, counts)
  return { expr, legend: '{{phase}}', truth: { of: 'pods', by: [...by, 'phase'] } }
}

/** Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets and single pods that have a pod. */
export function workloads({ filter }: Scope, by: readonly Dimension[]): Query {
  const owner = 'k8s_cluster_name, k8s_namespace_name, workload, workload_type'
  return {
    expr: `count by (${labelsOf(by)}) (group by (${owner}) (${WORKLOAD_OF_POD}{${filter}}))`,
    legend: legendOf(by),
    truth: { of: 'workloads', by },
  }
}

/** Namespaces. */
export function namespaces({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: `count by (${labelsOf(by)}) (k8s_namespace_phase{${filter}})`,
    legend: legendOf(by),
    truth: { of: 'namespaces', by },
  }
}

/** Containers that are measured: those that run. */
export function runningContainers(scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('count', scope, by, filter => `container_memory_working_set_bytes{${filter}}`),
    legend: legendOf(by),
    truth: { of: 'containers', by },
  }
}

/** Times that containers which are there were started again within the dashboard's time range. */
export function restarts({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    // A gauge that falls back to 0 with a new pod, so its rises are not to be had by increase().
    expr: `sum by (${labelsOf(by)}) (clamp_min(delta(k8s_container_restarts{${filter}}[$__range]), 0) and k8s_container_restarts{${filter}})`,
    legend: legendOf(by),
    truth: { of: 'restarts', by },
  }
}

/** A pod's labels, and of the dimensions those that its series have to keep. */
function identity(by: readonly Dimension[]): string {
  return by.includes('node') ? `${POD}, k8s_node_name` : POD
}
