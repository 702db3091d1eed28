import type { Granularity } from '../granularity.ts'
import { type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import { cpuRequests } from '../queries/cpu.ts'
import { memoryRequests } from '../queries/memory.ts'
import {
  cpuAllocatable,
  memoryAllocatable,
  memoryCapacity,
  nodeBandwidth,
  nodeCondition,
  nodeCpuByState,
  nodeCpuUsage,
  nodeCpuUtilisation,
  nodeDiskThroughput,
  nodeFilesystemUtilisation,
  nodeLoad,
  nodeMemoryByState,
  nodeMemoryUtilisation,
  nodeMemoryWorkingSet,
  nodes,
  nodesByCondition,
  podsAllocatable,
} from '../queries/nodes.ts'
import { pods, runningPods } from '../queries/pods.ts'
import { named, type Query } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { HOST_METRICS } from './sources.ts'

export function nodesStat({ scope, by }: Granularity): LabPanel {
  return stat({ title: 'Nodes', description: 'Nodes, ready or not.', unit: 'none', query: nodes(scope, by) })
}

/** Nodes and pods, by cluster. */
export function nodeAndPodCountTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Node & Pod Count',
    description: 'Nodes and running pods.',
    unit: 'short',
    queries: [named('nodes', nodes(scope, by)), named('pods', runningPods(scope, by))],
  })
}

/** The allocatable, requested and used cores of the nodes. */
export function nodesCpuTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU Usage',
    description: 'Allocatable cores, CPU requests, and the usage of the nodes with their system.',
    unit: 'short',
    queries: [
      named('allocatable', cpuAllocatable(scope, by)),
      named('requests', cpuRequests(scope, by)),
      named('usage', nodeCpuUsage(scope, by)),
    ],
  })
}

/** The allocatable, requested and used memory of the nodes. */
export function nodesMemoryTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory Usage',
    description: 'Allocatable memory, memory requests, and the working sets of the nodes with their system.',
    unit: 'bytes',
    queries: [
      named('allocatable', memoryAllocatable(scope, by)),
      named('requests', memoryRequests(scope, by)),
      named('usage', nodeMemoryWorkingSet(scope, by)),
    ],
  })
}

export function cpuUtilisationPerNodeTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU Utilization per Node',
    description: 'Used cores of each node, with its system, as a share of its allocatable cores.',
    unit: 'percentunit',
    queries: [nodeCpuUtilisation(scope, by)],
  })
}

export function memoryUtilisationPerNodeTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory Utilization per Node',
    description: 'Working set of each node, with its system, as a share of its memory.',
    unit: 'percentunit',
    max: 1,
    queries: [nodeMemoryUtilisation(scope, by)],
  })
}

/** The allocatable cores of the selected nodes. */
export function allocatableCpuBound({ scope }: Granularity): Query {
  return named('max allocatable', cpuAllocatable(scope, ['cluster']))
}

/** The allocatable memory of the selected nodes, and their capacity. */
export function allocatableMemoryBounds({ scope }: Granularity): Query[] {
  return [
    named('max capacity', memoryCapacity(scope, ['cluster'])),
    named('max allocatable', memoryAllocatable(scope, ['cluster'])),
  ]
}

/** Nodes by condition over time. */
export function conditionsTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Nodes by condition',
    description: 'Nodes for which each condition is true. All should be Ready, and none under pressure.',
    unit: 'short',
    queries: [nodesByCondition(scope, ['cluster'])],
  })
}

/** One row for each node, with its conditions and usage. */
export function nodeHealthTable({ scope, by, keys }: Granularity): LabPanel {
  return table({
    title: 'Node health',
    description: 'Each node now: conditions (1 true, 0 false, -1 unknown), pods, CPU, memory and disk.',
    unit: 'none',
    keys,
    columns: [
      { name: 'Ready', query: nodeCondition('Ready', scope) },
      { name: 'Memory pressure', query: nodeCondition('MemoryPressure', scope) },
      { name: 'Disk pressure', query: nodeCondition('DiskPressure', scope) },
      { name: 'PID pressure', query: nodeCondition('PIDPressure', scope) },
      { name: 'Network unavailable', query: nodeCondition('NetworkUnavailable', scope) },
      { name: 'Running pods', query: runningPods(scope, by) },
      { name: 'Pods allocatable', query: podsAllocatable(scope, by) },
      { name: 'CPU', query: nodeCpuUtilisation(scope, by), unit: 'percentunit', decimals: 1 },
      { name: 'CPU requests', query: cpuRequestsOfNode(scope, by), unit: 'percentunit', decimals: 1 },
      { name: 'Memory', query: nodeMemoryUtilisation(scope, by), unit: 'percentunit', decimals: 1 },
      { name: 'Memory requests', query: memoryRequestsOfNode(scope, by), unit: 'percentunit', decimals: 1 },
      { name: 'File system', query: nodeFilesystemUtilisation(scope, by), unit: 'percentunit', decimals: 1 },
    ],
  })
}

export function podsPerNodeTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Pods per node',
    description: 'Pods of any phase that are bound to each node.',
    unit: 'short',
    queries: [pods(scope, by)],
  })
}

export function nodeFilesystemTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'File system usage per node',
    description: 'Used share of the file system of each node.',
    unit: 'percentunit',
    max: 1,
    queries: [nodeFilesystemUtilisation(scope, by)],
  })
}

export function nodeBandwidthTimeseries(direction: 'receive' | 'transmit', { scope, by }: Granularity): LabPanel {
  return timeseries({
    title: direction === 'receive' ? 'Node network received' : 'Node network transmitted',
    description: `Bits per second that each node ${direction}s over its network interface.`,
    unit: 'bps',
    queries: [nodeBandwidth(direction, scope, by)],
  })
}

export function nodeLoadTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Load per core',
    description: `Load average of one minute per core of each node. Above 100 % processes wait. ${HOST_METRICS}`,
    unit: 'percentunit',
    queries: [nodeLoad(scope)],
  })
}

export function nodeCpuByStateTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU by state',
    description: `CPU time of the selected nodes by state, in cores. ${HOST_METRICS}`,
    unit: 'short',
    stacked: true,
    queries: [nodeCpuByState(scope)],
  })
}

export function nodeMemoryByStateTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory by state',
    description: `Memory of the selected nodes by state. ${HOST_METRICS}`,
    unit: 'bytes',
    stacked: true,
    queries: [nodeMemoryByState(scope)],
  })
}

export function nodeDiskTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Disk throughput',
    description: `Bytes per second that the selected nodes read from and write to their disks. ${HOST_METRICS}`,
    unit: 'Bps',
    queries: [nodeDiskThroughput(scope)],
  })
}

function cpuRequestsOfNode(scope: Granularity['scope'], by: Granularity['by']): Query {
  return quotient(cpuRequests(scope, by), cpuAllocatable(scope, by))
}

function memoryRequestsOfNode(scope: Granularity['scope'], by: Granularity['by']): Query {
  return quotient(memoryRequests(scope, by), memoryAllocatable(scope, by))
}
