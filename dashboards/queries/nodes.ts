import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelOf, labelsOf, legendOf, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import type { Scope } from './scope.ts'

/** The conditions that the collector reports, each with its metric and its name in the API. */
const CONDITIONS = {
  Ready: 'k8s_node_condition_ready',
  MemoryPressure: 'k8s_node_condition_memory_pressure',
  DiskPressure: 'k8s_node_condition_disk_pressure',
  PIDPressure: 'k8s_node_condition_pid_pressure',
  NetworkUnavailable: 'k8s_node_condition_network_unavailable',
} as const

/** Nodes, ready or not. */
export function nodes({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: `count by (${labelsOf(by)}) (k8s_node_condition_ready{${filter}})`,
    legend: legendOf(by),
    truth: { of: 'nodes', by },
  }
}

/** Nodes for which each condition is true, zeros included. */
export function nodesByCondition({ filter }: Scope, by: readonly Dimension[]): Query {
  const counts = Object.entries(CONDITIONS).map(
    ([condition, metric]) =>
      `label_replace(sum by (${labelsOf(by)}) (${metric}{${filter}} == bool 1), "condition", "${condition}", "", "")`,
  )
  return { expr: counts.join(' or '), legend: '{{condition}}', truth: { of: 'nodes', by: [...by, 'condition'] } }
}

/** The conditions of each node: 1 true, 0 false, -1 unknown or not reported. */
export function nodeCondition(condition: keyof typeof CONDITIONS, { filter }: Scope): Query {
  return {
    expr: `max by (k8s_cluster_name, k8s_node_name) (${CONDITIONS[condition]}{${filter}})`,
    legend: '{{k8s_node_name}}',
    truth: { of: 'node-condition', by: ['cluster', 'node'], where: { condition } },
  }
}

/** Allocatable cores. */
export function cpuAllocatable({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`k8s_node_allocatable_cpu{${filter}}`, by),
    legend: legendOf(by),
    truth: { of: 'cpu-allocatable', by },
  }
}

/** Allocatable memory in bytes. */
export function memoryAllocatable({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`k8s_node_allocatable_memory_bytes{${filter}}`, by),
    legend: legendOf(by),
    truth: { of: 'memory-allocatable', by },
  }
}

/** Allocatable pods. */
export function podsAllocatable({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`k8s_node_allocatable_pods{${filter}}`, by),
    legend: legendOf(by),
    truth: { of: 'pods-allocatable', by },
  }
}

/** Used cores of nodes, with their pods and their system. */
export function nodeCpuUsage({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`rate(k8s_node_cpu_time_seconds_total{${filter}}[$__rate_interval])`, by),
    legend: legendOf(by),
    truth: { of: 'cpu-usage', by, withSystem: true },
  }
}

/** Working sets of nodes in bytes, with their pods and their system. */
export function nodeMemoryWorkingSet({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`k8s_node_memory_working_set_bytes{${filter}}`, by),
    legend: legendOf(by),
    truth: { of: 'memory-working-set', by, withSystem: true },
  }
}

/**
 * The memory of nodes in bytes. No receiver reports it, but a kubelet's available memory is the capacity less the
 * working set.
 */
export function memoryCapacity({ filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sum(`k8s_node_memory_available_bytes{${filter}} + k8s_node_memory_working_set_bytes{${filter}}`, by),
    legend: legendOf(by),
    truth: { of: 'memory-capacity', by },
  }
}

/** Used cores as a share of the allocatable ones, 0 to 1. */
export function nodeCpuUtilisation(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(nodeCpuUsage(scope, by), cpuAllocatable(scope, by))
}

/** The working set as a share of the memory, 0 to 1. */
export function nodeMemoryUtilisation(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(nodeMemoryWorkingSet(scope, by), memoryCapacity(scope, by))
}

/** The used share of the nodes' file systems, 0 to 1. */
export function nodeFilesystemUtilisation({ filter }: Scope, by: readonly Dimension[]): Query {
  const [used, capacity] = ['usage', 'capacity'].map(part => sum(`k8s_node_filesystem_${part}_bytes{${filter}}`, by))
  return {
    expr: `${used} / ${capacity}`,
    legend: legendOf(by),
    truth: { of: 'filesystem-used', over: 'filesystem-capacity', by },
  }
}

/** Bits per second of the nodes' network interface. */
export function nodeBandwidth(direction: 'receive' | 'transmit', { filter }: Scope, by: readonly Dimension[]): Query {
  return {
    expr: `8 * ${sum(`rate(k8s_node_network_io_bytes_total{${filter}, direction="${direction}"}[$__rate_interval])`, by)}`,
    legend: legendOf(by),
    truth: { of: `network-${direction}`, by, withSystem: true },
  }
}

/** The load of the last minute, as a share of the node's cores. From the node's host metrics. */
export function nodeLoad({ filter }: Scope): Query {
  const by = `k8s_cluster_name, ${labelOf('node')}`
  return {
    expr: `max by (${by}) (system_cpu_load_average_1m{${filter}}) / count by (${by}) (system_cpu_time_seconds_total{${filter}, state="idle"})`,
    legend: '{{k8s_node_name}}',
    prerequisites: ['host-metrics'],
  }
}

/** CPU time by state, in cores. From the nodes' host metrics. */
export function nodeCpuByState({ filter }: Scope): Query {
  return {
    expr: `sum by (state) (rate(system_cpu_time_seconds_total{${filter}, state!="idle"}[$__rate_interval]))`,
    legend: '{{state}}',
    truth: { of: 'host-cpu', by: ['state'], except: { state: 'idle' } },
    prerequisites: ['host-metrics'],
  }
}

/** Memory by state, in bytes. From the nodes' host metrics. */
export function nodeMemoryByState({ filter }: Scope): Query {
  return {
    expr: `sum by (state) (system_memory_usage_bytes{${filter}})`,
    legend: '{{state}}',
    truth: { of: 'host-memory', by: ['state'] },
    prerequisites: ['host-metrics'],
  }
}

/** Bytes per second read from and written to the nodes' disks. From the nodes' host metrics. */
export function nodeDiskThroughput({ filter }: Scope): Query {
  return {
    expr: `sum by (direction) (rate(system_disk_io_bytes_total{${filter}}[$__rate_interval]))`,
    legend: '{{direction}}',
    truth: { of: 'host-disk', by: ['direction'] },
    prerequisites: ['host-metrics'],
  }
}

function sum(series: string, by: readonly Dimension[]): string {
  return `sum by (${labelsOf(by)}) (${series})`
}
