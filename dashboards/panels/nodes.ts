import type { Granularity } from '../granularity.ts'
import { stat, table, timeseries } from '../panel-builders.ts'
import { cpuRequests } from '../queries/cpu.ts'
import { memoryRequests } from '../queries/memory.ts'
import * as query from '../queries/nodes.ts'
import { pods, runningPods } from '../queries/pods.ts'
import { named } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { HOST_METRICS } from './sources.ts'

export const nodesStat = (group: Granularity) =>
  stat({ title: 'Nodes', description: 'Nodes, ready or not.', unit: 'none', query: query.nodes(group) })

const PERCENT = { unit: 'percentunit', decimals: 1 }

/** Nodes and pods, by cluster. */
export const nodeAndPodCountTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Node & Pod Count',
    description: 'Nodes and running pods.',
    unit: 'short',
    queries: [named('nodes', query.nodes(group)), named('pods', runningPods(group))],
  })

/** The allocatable, requested and used cores of the nodes. */
export const nodesCpuTimeseries = (group: Granularity) =>
  timeseries({
    title: 'CPU Usage',
    description: 'Allocatable cores, CPU requests, and the usage of the nodes with their system.',
    unit: 'short',
    queries: [
      named('allocatable', query.cpuAllocatable(group)),
      named('requests', cpuRequests(group)),
      named('usage', query.nodeCpuUsage(group)),
    ],
  })

/** The allocatable, requested and used memory of the nodes. */
export const nodesMemoryTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Memory Usage',
    description: 'Allocatable memory, memory requests, and the working sets of the nodes with their system.',
    unit: 'bytes',
    queries: [
      named('allocatable', query.memoryAllocatable(group)),
      named('requests', memoryRequests(group)),
      named('usage', query.nodeMemoryWorkingSet(group)),
    ],
  })

export const cpuUtilisationPerNodeTimeseries = (group: Granularity) =>
  timeseries({
    title: 'CPU Utilization per Node',
    description: 'Used cores of each node, with its system, as a share of its allocatable cores.',
    unit: 'percentunit',
    queries: [query.nodeCpuUtilisation(group)],
  })

export const memoryUtilisationPerNodeTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Memory Utilization per Node',
    description: 'Working set of each node, with its system, as a share of its memory.',
    unit: 'percentunit',
    max: 1,
    queries: [query.nodeMemoryUtilisation(group)],
  })

/** The allocatable cores of the selected nodes. */
export const allocatableCpuBounds = ({ scope }: Granularity) => [
  named('max allocatable', query.cpuAllocatable({ scope, by: ['cluster'] })),
]

/** The allocatable memory of the selected nodes, and their capacity. */
export const allocatableMemoryBounds = ({ scope }: Granularity) => [
  named('max capacity', query.memoryCapacity({ scope, by: ['cluster'] })),
  named('max allocatable', query.memoryAllocatable({ scope, by: ['cluster'] })),
]

/** Nodes by condition over time. */
export const conditionsTimeseries = ({ scope }: Granularity) =>
  timeseries({
    title: 'Nodes by condition',
    description: 'Nodes for which each condition is true. All should be Ready, and none under pressure.',
    unit: 'short',
    queries: [query.nodesByCondition({ scope, by: ['cluster'] })],
  })

/** One row for each node, with its conditions and usage. */
export const nodeHealthTable = (group: Granularity) =>
  table({
    title: 'Node health',
    description: 'Each node now: conditions (1 true, 0 false, -1 unknown), pods, CPU, memory and disk.',
    unit: 'none',
    keys: group.keys,
    columns: [
      { name: 'Ready', query: query.nodeCondition('Ready', group.scope) },
      { name: 'Memory pressure', query: query.nodeCondition('MemoryPressure', group.scope) },
      { name: 'Disk pressure', query: query.nodeCondition('DiskPressure', group.scope) },
      { name: 'PID pressure', query: query.nodeCondition('PIDPressure', group.scope) },
      { name: 'Network unavailable', query: query.nodeCondition('NetworkUnavailable', group.scope) },
      { name: 'Running pods', query: runningPods(group) },
      { name: 'Pods allocatable', query: query.podsAllocatable(group) },
      { name: 'CPU', query: query.nodeCpuUtilisation(group), ...PERCENT },
      { name: 'CPU requests', query: quotient(cpuRequests(group), query.cpuAllocatable(group)), ...PERCENT },
      { name: 'Memory', query: query.nodeMemoryUtilisation(group), ...PERCENT },
      { name: 'Memory requests', query: quotient(memoryRequests(group), query.memoryAllocatable(group)), ...PERCENT },
      { name: 'File system', query: query.nodeFilesystemUtilisation(group), ...PERCENT },
    ],
  })

export const podsPerNodeTimeseries = (group: Granularity) =>
  timeseries({
    title: 'Pods per node',
    description: 'Pods of any phase that are bound to each node.',
    unit: 'short',
    queries: [pods(group)],
  })

export const nodeFilesystemTimeseries = (group: Granularity) =>
  timeseries({
    title: 'File system usage per node',
    description: 'Used share of the file system of each node.',
    unit: 'percentunit',
    max: 1,
    queries: [query.nodeFilesystemUtilisation(group)],
  })

/** One panel for each direction. */
export const nodeBandwidthTimeseries = (group: Granularity) =>
  (['receive', 'transmit'] as const).map(direction =>
    timeseries({
      title: direction === 'receive' ? 'Node network received' : 'Node network transmitted',
      description: `Bits per second that each node ${direction}s over its network interface.`,
      unit: 'bps',
      queries: [query.nodeBandwidth(direction, group)],
    }),
  )

export const nodeLoadTimeseries = ({ scope }: Granularity) =>
  timeseries({
    title: 'Load per core',
    description: `Load average of one minute per core of each node. Above 100 % processes wait. ${HOST_METRICS}`,
    unit: 'percentunit',
    queries: [query.nodeLoad(scope)],
  })

export const nodeCpuByStateTimeseries = ({ scope }: Granularity) =>
  timeseries({
    title: 'CPU by state',
    description: `CPU time of the selected nodes by state, in cores. ${HOST_METRICS}`,
    unit: 'short',
    stacked: true,
    queries: [query.nodeCpuByState(scope)],
  })

export const nodeMemoryByStateTimeseries = ({ scope }: Granularity) =>
  timeseries({
    title: 'Memory by state',
    description: `Memory of the selected nodes by state. ${HOST_METRICS}`,
    unit: 'bytes',
    stacked: true,
    queries: [query.nodeMemoryByState(scope)],
  })

export const nodeDiskTimeseries = ({ scope }: Granularity) =>
  timeseries({
    title: 'Disk throughput',
    description: `Bytes per second that the selected nodes read from and write to their disks. ${HOST_METRICS}`,
    unit: 'Bps',
    queries: [query.nodeDiskThroughput(scope)],
  })
