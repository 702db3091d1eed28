import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import type { Direction } from './network.ts'
import { labelsOf, measured, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import type { Grouping, Scope } from './scope.ts'

/** The conditions that the collector reports, each with its metric and its name in the API. */
const CONDITIONS = {
  Ready: 'k8s_node_condition_ready',
  MemoryPressure: 'k8s_node_condition_memory_pressure',
  DiskPressure: 'k8s_node_condition_disk_pressure',
  PIDPressure: 'k8s_node_condition_pid_pressure',
  NetworkUnavailable: 'k8s_node_condition_network_unavailable',
} as const

const NODE = ['cluster', 'node'] as const

/** Nodes, ready or not. */
export const nodes = ({ scope, by }: Grouping) =>
  measured('nodes', by, `count by (${labelsOf(by)}) (k8s_node_condition_ready{${scope.filter}})`)

/** Nodes for which each condition is true, zeros included. */
export function nodesByCondition({ scope, by }: Grouping): Query {
  const counts = Object.entries(CONDITIONS).map(([condition, metric]) => {
    const count = `sum by (${labelsOf(by)}) (${metric}{${scope.filter}} == bool 1)`
    return `label_replace(${count}, "condition", "${condition}", "", "")`
  })
  return measured('nodes', [...by, 'condition'], counts.join(' or '))
}

/** The conditions of each node: 1 true, 0 false, -1 unknown or not reported. */
export const nodeCondition = (condition: keyof typeof CONDITIONS, { filter }: Scope) =>
  measured('node-condition', NODE, `max by (${labelsOf(NODE)}) (${CONDITIONS[condition]}{${filter}})`, {
    where: { condition },
  })

/** Allocatable cores. */
export const cpuAllocatable = ({ scope, by }: Grouping) =>
  measured('cpu-allocatable', by, sum(`k8s_node_allocatable_cpu{${scope.filter}}`, by))

/** Allocatable memory in bytes. */
export const memoryAllocatable = ({ scope, by }: Grouping) =>
  measured('memory-allocatable', by, sum(`k8s_node_allocatable_memory_bytes{${scope.filter}}`, by))

/** Allocatable pods. */
export const podsAllocatable = ({ scope, by }: Grouping) =>
  measured('pods-allocatable', by, sum(`k8s_node_allocatable_pods{${scope.filter}}`, by))

/** Used cores of nodes, with their pods and their system. */
export function nodeCpuUsage({ scope, by }: Grouping): Query {
  const rate = `rate(k8s_node_cpu_time_seconds_total{${scope.filter}}[$__rate_interval])`
  return measured('cpu-usage', by, sum(rate, by), { withSystem: true })
}

/** Working sets of nodes in bytes, with their pods and their system. */
export function nodeMemoryWorkingSet({ scope, by }: Grouping): Query {
  const bytes = sum(`k8s_node_memory_working_set_bytes{${scope.filter}}`, by)
  return measured('memory-working-set', by, bytes, { withSystem: true })
}

/**
 * The memory of nodes in bytes. No receiver reports it, but a kubelet's available memory is the capacity less the
 * working set.
 */
export function memoryCapacity({ scope: { filter }, by }: Grouping): Query {
  const bytes = `k8s_node_memory_available_bytes{${filter}} + k8s_node_memory_working_set_bytes{${filter}}`
  return measured('measured-memory-capacity', by, sum(bytes, by))
}

/** Used cores as a share of the allocatable ones, 0 to 1. */
export const nodeCpuUtilisation = (group: Grouping) => quotient(nodeCpuUsage(group), cpuAllocatable(group))

/** The working set as a share of the memory, 0 to 1. */
export const nodeMemoryUtilisation = (group: Grouping) => quotient(nodeMemoryWorkingSet(group), memoryCapacity(group))

/** The used share of the nodes' file systems, 0 to 1. */
export function nodeFilesystemUtilisation({ scope, by }: Grouping): Query {
  const parts = ['usage', 'capacity'].map(part => sum(`k8s_node_filesystem_${part}_bytes{${scope.filter}}`, by))
  return measured('filesystem-used', by, parts.join(' / '), { over: 'filesystem-capacity' })
}

/** Bits per second of the nodes' network interface. */
export function nodeBandwidth(direction: Direction, { scope, by }: Grouping): Query {
  const series = `k8s_node_network_io_bytes_total{${scope.filter}, direction="${direction}"}`
  const bits = `8 * ${sum(`rate(${series}[$__rate_interval])`, by)}`
  return measured(`network-${direction}`, by, bits, { withSystem: true })
}

/** The load of the last minute, as a share of the node's cores. From the node's host metrics. */
export function nodeLoad({ filter }: Scope): Query {
  const load = `max by (${labelsOf(NODE)}) (system_cpu_load_average_1m{${filter}})`
  const cores = `count by (${labelsOf(NODE)}) (system_cpu_time_seconds_total{${filter}, state="idle"})`
  return { expr: `${load} / ${cores}`, legend: '{{k8s_node_name}}', prerequisites: ['host-metrics'] }
}

/** CPU time by state, in cores. From the nodes' host metrics. */
export function nodeCpuByState({ filter }: Scope): Query {
  const expr = `sum by (state) (rate(system_cpu_time_seconds_total{${filter}, state!="idle"}[$__rate_interval]))`
  return { ...measured('host-cpu', ['state'], expr, { except: { state: 'idle' } }), prerequisites: ['host-metrics'] }
}

/** Memory by state, in bytes. From the nodes' host metrics. */
export function nodeMemoryByState({ filter }: Scope): Query {
  const expr = `sum by (state) (system_memory_usage_bytes{${filter}})`
  return { ...measured('host-memory', ['state'], expr), prerequisites: ['host-metrics'] }
}

/** Bytes per second read from and written to the nodes' disks. From the nodes' host metrics. */
export function nodeDiskThroughput({ filter }: Scope): Query {
  const expr = `sum by (direction) (rate(system_disk_io_bytes_total{${filter}}[$__rate_interval]))`
  return { ...measured('host-disk', ['direction'], expr), prerequisites: ['host-metrics'] }
}

function sum(series: string, by: readonly Dimension[]): string {
  return `sum by (${labelsOf(by)}) (${series})`
}
