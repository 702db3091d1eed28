import type { Granularity } from '../granularity.ts'
import { type Column, type LabPanel, stat, timeseries } from '../panel-builders.ts'
import { namespaces, pods, podsByPhase, restarts, runningContainers, runningPods, workloads } from '../queries/pods.ts'

export function namespacesStat({ scope, by }: Granularity): LabPanel {
  return stat({ title: 'Namespaces', description: 'Namespaces.', unit: 'none', query: namespaces(scope, by) })
}

export function workloadsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Workloads',
    description: 'Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets with pods, and single pods.',
    unit: 'none',
    query: workloads(scope, by),
  })
}

export function runningPodsStat({ scope, by }: Granularity): LabPanel {
  return stat({ title: 'Running pods', description: 'Running pods.', unit: 'none', query: runningPods(scope, by) })
}

export function runningContainersStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Running containers',
    description: 'Running containers, as the kubelets measure them.',
    unit: 'none',
    query: runningContainers(scope, by),
  })
}

export function podsByPhaseTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Pods by phase',
    description: 'Pods in the API, by phase. Deleted pods disappear within the look-back.',
    unit: 'short',
    stacked: true,
    queries: [podsByPhase(scope, by)],
  })
}

export function restartsTimeseries({ each, scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Container restarts',
    description: `Restarts of the containers of each ${each} within the time range.`,
    unit: 'short',
    queries: [restarts(scope, by)],
  })
}

/** Counts for a table of namespaces. */
export function podAndWorkloadColumns({ scope, by }: Granularity): Column[] {
  return [
    { name: 'Pods', query: pods(scope, by), unit: 'none', decimals: 0 },
    { name: 'Workloads', query: workloads(scope, by), unit: 'none', decimals: 0 },
  ]
}

/** Counts for a table of workloads. */
export function runningPodsColumn({ scope, by }: Granularity): Column[] {
  return [{ name: 'Running Pods', query: runningPods(scope, by), unit: 'none', decimals: 0 }]
}
