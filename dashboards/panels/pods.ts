import type { Granularity } from '../granularity.ts'
import { type Column, type LabPanel, stat, timeseries } from '../panel-builders.ts'
import { namespaces, pods, podsByPhase, restarts, runningContainers, runningPods, workloads } from '../queries/pods.ts'

export function namespacesStat({ scope, by }: Granularity): LabPanel {
  return stat({ title: 'Namespaces', description: 'Namespaces.', unit: 'none', query: namespaces(scope, by) })
}

export function workloadsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Workloads',
    description: 'Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets and single pods that have a pod.',
    unit: 'none',
    query: workloads(scope, by),
  })
}

export function runningPodsStat({ scope, by }: Granularity): LabPanel {
  return stat({ title: 'Running pods', description: 'Pods that run now.', unit: 'none', query: runningPods(scope, by) })
}

export function runningContainersStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Running containers',
    description: 'Containers that the kubelets measure: those that run.',
    unit: 'none',
    query: runningContainers(scope, by),
  })
}

export function podsByPhaseTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Pods by phase',
    description: 'Pods that the API server has, by phase. Deleted ones are gone within the look-back.',
    unit: 'short',
    stacked: true,
    queries: [podsByPhase(scope, by)],
  })
}

export function restartsTimeseries({ each, scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Container restarts',
    description: `Times that containers of each ${each} were started again within the chosen time.`,
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
