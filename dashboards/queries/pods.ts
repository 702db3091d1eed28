import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf, legendOf, type Query } from './query.ts'
import { aggregate, POD, type Scope, WORKLOAD_OF_POD } from './scope.ts'

/** The values of k8s_pod_phase, with the names in the API (k8s_cluster receiver). */
const PHASES = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const

/** Pods of any phase. */
export function pods(scope: Scope, by: readonly Dimension[]): Query {
  return {
    // A pod that was just bound has two series, and is one pod.
    expr: aggregate('count', scope, by, filter => `group by (${identity(by)}) (k8s_pod_phase{${filter}})`),
    legend: legendOf(by),
    truth: { of: 'pods', by },
  }
}

/** Running pods. */
export function runningPods(scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('count', scope, by, filter => `group by (${identity(by)}) (k8s_pod_phase{${filter}} == 2)`),
    legend: legendOf(by),
    truth: { of: 'running-pods', by },
  }
}

/** Pods by phase, with its name in the API, and by further dimensions. */
export function podsByPhase({ filter }: Scope, by: readonly Dimension[]): Query {
  const phases = `max by (${identity(by)}) (k8s_pod_phase{${filter}})`
  const counts = `count_values by (${labelsOf(by)}) ("phase", ${phases})`
  const expr = PHASES.reduce((inner, word, index) => {
    return `label_replace(${inner}, "phase", "${word}", "phase", "${index + 1}")`
  }, counts)
  return { expr, legend: '{{phase}}', truth: { of: 'pods', by: [...by, 'phase'] } }
}

/** Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets with pods, and single pods. */
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

/** Measured containers: the running ones. */
export function runningContainers(scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('count', scope, by, filter => `container_memory_working_set_bytes{${filter}}`),
    legend: legendOf(by),
    truth: { of: 'containers', by },
  }
}

/** Restarts of existing containers within the dashboard's time range. */
export function restarts({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    // A gauge that a new pod resets to 0, so increase() does not fit.
    expr: `sum by (${labelsOf(by)}) (clamp_min(delta(k8s_container_restarts{${filter}}[$__range]), 0) and k8s_container_restarts{${filter}})`,
    legend: legendOf(by),
    truth: { of: 'restarts', by },
  }
}

/** The labels of a pod, and the dimensions that its series must keep. */
function identity(by: readonly Dimension[]): string {
  return by.includes('node') ? `${POD}, k8s_node_name` : POD
}
