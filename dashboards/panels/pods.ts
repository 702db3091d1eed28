import type { Granularity } from '../granularity.ts'
import { stat, timeseries } from '../panel-builders.ts'
import { namespaces, pods, podsByPhase, restarts, runningContainers, runningPods, workloads } from '../queries/pods.ts'

export const namespacesStat = (group: Granularity) =>
  stat({ title: 'Namespaces', description: 'Namespaces.', unit: 'none', query: namespaces(group) })

export const workloadsStat = (group: Granularity) =>
  stat({
    title: 'Workloads',
    description: 'Deployments, StatefulSets, DaemonSets, Jobs, ReplicaSets with pods, and single pods.',
    unit: 'none',
    query: workloads(group),
  })

export const runningPodsStat = (group: Granularity) =>
  stat({ title: 'Running pods', description: 'Running pods.', unit: 'none', query: runningPods(group) })

export const runningContainersStat = (group: Granularity) =>
  stat({
    title: 'Running containers',
    description: 'Running containers, as the kubelets measure them.',
    unit: 'none',
    query: runningContainers(group),
  })

export const podsByPhaseTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Pods by phase',
    description: 'Pods in the API, by phase. Deleted pods disappear within the look-back.',
    unit: 'short',
    stacked: true,
    queries: [podsByPhase(group)],
  })

export const restartsTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Container restarts',
    description: `Restarts of the containers of each ${group.each} within the time range.`,
    unit: 'short',
    queries: [restarts(group)],
  })

/** Counts for a table of namespaces. */
export const podAndWorkloadColumns = (group: Granularity) => [
  { name: 'Pods', query: pods(group), unit: 'none', decimals: 0 },
  { name: 'Workloads', query: workloads(group), unit: 'none', decimals: 0 },
]

/** Counts for a table of workloads. */
export const runningPodsColumn = (group: Granularity) => [
  { name: 'Running Pods', query: runningPods(group), unit: 'none', decimals: 0 },
]
