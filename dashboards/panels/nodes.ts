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
    description: 'Nodes, and pods that run on them.',
    unit: 'short',
    queries: [named('nodes', nodes(scope, by)), named('pods', runningPods(scope, by))],
  })
}

/** The cores of the nodes and what becomes of them. */
export function nodesCpuTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU Usage',
    description: 'Cores that pods may use, that they ask for, and that nodes use with their own system.',
    unit: 'short',
    queries: [
      named('allocatable', cpuAllocatable(scope, by)),
      named('requests', cpuRequests(scope, by)),
      named('usage', nodeCpuUsage(scope, by)),
    ],
  })
}

/** The memory of the nodes and what becomes of it. */
export function nodesMemoryTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory Usage',
    description:
      'Memory that pods may use, that they ask for, and the working sets of the nodes with their own system.',
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
    description: 'Cores that each node uses, its own system included, of the cores that pods may use there.',
    unit: 'percentunit',
    queries: [nodeCpuUtilisation(scope, by)],
  })
}

export function memoryUtilisationPerNodeTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory Utilization per Node',
    description: "Each node's working set, its own system included, of the memory it has.",
    unit: 'percentunit',
    max: 1,
    queries: [nodeMemoryUtilisation(scope, by)],
  })
}

/** The bound of what pods on the chosen nodes may use. */
export function allocatableCpuBound({ scope }: Granularity): Query {
  return named('max allocatable', cpuAllocatable(scope, ['cluster']))
}

/** The same of memory, and the memory there is. */
export function allocatableMemoryBounds({ scope }: Granularity): Query[] {
  return [
    named('max capacity', memoryCapacity(scope, ['cluster'])),
    named('max allocatable', memoryAllocatable(scope, ['cluster'])),
  ]
}

/** Nodes by condition, at any time. */
export function conditionsTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Nodes by condition',
    description: 'Nodes on which each condition holds. All should be Ready, and none under pressure.',
    unit: 'short',
    queries: [nodesByCondition(scope, ['cluster'])],
  })
}

/** One row for each node, with its conditions and what it holds. */
export function nodeHealthTable({ scope, by, keys }: Granularity): LabPanel {
  return table({
    title: 'Node health',
    description: 'Each node now: conditions (1 holds, 0 does not, -1 nobody knows), pods, CPU, memory and disk.',
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
    description: 'Pods of any phase that are placed on each node.',
    unit: 'short',
    queries: [pods(scope, by)],
  })
}

export function nodeFilesystemTimeseries({ scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'File system usage per node',
    description: "The part of each node's file system that is in use.",
    unit: 'percentunit',
    max: 1,
    queries: [nodeFilesystemUtilisation(scope, by)],
  })
}

export function nodeBandwidthTimeseries(direction: 'receive' | 'transmit', { scope, by }: Granularity): LabPanel {
  return timeseries({
    title: direction === 'receive' ? 'Node network received' : 'Node network transmitted',
    description: `Bits a second that each node ${direction}s over its network card.`,
    unit: 'bps',
    queries: [nodeBandwidth(direction, scope, by)],
  })
}

export function nodeLoadTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Load per core',
    description: `The load average of one minute, of each node's cores: above 100 % work waits. ${HOST_METRICS}`,
    unit: 'percentunit',
    queries: [nodeLoad(scope)],
  })
}

export function nodeCpuByStateTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU by state',
    description: `Cores of the chosen nodes by what they are busy with. ${HOST_METRICS}`,
    unit: 'short',
    stacked: true,
    queries: [nodeCpuByState(scope)],
  })
}

export function nodeMemoryByStateTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Memory by state',
    description: `Memory of the chosen nodes by what it holds. ${HOST_METRICS}`,
    unit: 'bytes',
    stacked: true,
    queries: [nodeMemoryByState(scope)],
  })
}

export function nodeDiskTimeseries({ scope }: Granularity): LabPanel {
  return timeseries({
    title: 'Disk throughput',
    description: `Bytes a second that the chosen nodes read from and write to their disks. ${HOST_METRICS}`,
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
