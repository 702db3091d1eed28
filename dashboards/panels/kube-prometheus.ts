import { stat, steps, table, timeseries } from '../panel-builders.ts'
import * as query from '../queries/kube-prometheus.ts'
import { suffixed } from '../queries/query.ts'

const NAMESPACE = ['cluster', 'namespace'] as const
const OF_CADVISOR = 'From the cAdvisor of the kubelets.'

export const nodesStat = stat({
  title: 'Nodes',
  description: 'Nodes, ready or not.',
  unit: 'none',
  query: query.nodes,
})

export const runningPodsStat = stat({
  title: 'Running pods',
  description: 'Running pods.',
  unit: 'none',
  query: query.runningPods(['cluster']),
})

export const conditionsTimeseries = timeseries({
  title: 'Nodes by condition',
  description: 'Nodes for which each condition is true.',
  unit: 'short',
  queries: [query.nodesByCondition],
})

export const podsByPhaseTimeseries = timeseries({
  title: 'Pods by phase',
  description: 'Pods in the API, by phase.',
  unit: 'short',
  stacked: true,
  queries: [query.podsByPhase],
})

export const cpuTimeseries = timeseries({
  title: 'CPU usage',
  description: 'Used cores of the containers of each namespace, and its quotas.',
  unit: 'short',
  stacked: true,
  bounds: ['requests', 'limits'],
  queries: [query.cpuUsage(NAMESPACE), query.quota('cpu', 'requests'), query.quota('cpu', 'limits')],
})

export const memoryTimeseries = timeseries({
  title: 'Memory usage',
  description: 'Working sets of the containers of each namespace, and its quotas.',
  unit: 'bytes',
  stacked: true,
  bounds: ['requests', 'limits'],
  queries: [query.memoryWorkingSet(NAMESPACE), query.quota('memory', 'requests'), query.quota('memory', 'limits')],
})

export const throttlingTimeseries = timeseries({
  title: 'CPU throttling',
  description: `Share of the CFS periods in which the containers of each namespace were throttled at their CPU limit. ${OF_CADVISOR}`,
  unit: 'percentunit',
  max: 1,
  thresholds: steps('green', [0.25, 'red']),
  queries: [query.cpuThrottling(NAMESPACE)],
})

export const restartsTimeseries = timeseries({
  title: 'Container restarts',
  description: 'Restarts of the containers of each namespace within the time range.',
  unit: 'short',
  queries: [query.restarts],
})

export const replicasTimeseries = timeseries({
  title: 'Replicas of autoscalers',
  description: 'Current, desired and highest replicas of each HorizontalPodAutoscaler.',
  unit: 'short',
  queries: (['current', 'desired', 'max'] as const).map(which => suffixed(query.replicas(which), which)),
})

export const volumesTimeseries = timeseries({
  title: 'Volumes',
  description: 'Used bytes and capacity of the volume of each claim.',
  unit: 'bytes',
  queries: [suffixed(query.volumes('used'), 'used'), suffixed(query.volumes('capacity'), 'capacity')],
})

export const podsTable = table({
  title: 'Pods',
  description: `CPU, memory, network and disk of each pod now. ${OF_CADVISOR}`,
  unit: 'bytes',
  keys: [
    { label: 'pod', name: 'Pod' },
    { label: 'namespace', name: 'Namespace' },
    { label: 'cluster', name: 'Cluster' },
  ],
  columns: [
    { name: 'CPU', query: query.cpuUsage(query.POD), unit: 'short', decimals: 3 },
    { name: 'CPU requests', query: query.requested('cpu', 'requests', query.POD), unit: 'short', decimals: 3 },
    { name: 'CPU requests %', query: query.cpuUsageOverRequests(query.POD), unit: 'percentunit', decimals: 1 },
    { name: 'CPU limits', query: query.requested('cpu', 'limits', query.POD), unit: 'short', decimals: 3 },
    { name: 'Memory', query: query.memoryWorkingSet(query.POD) },
    { name: 'Memory requests', query: query.requested('memory', 'requests', query.POD) },
    { name: 'Memory requests %', query: query.memoryUsageOverRequests(query.POD), unit: 'percentunit', decimals: 1 },
    { name: 'Memory limits', query: query.requested('memory', 'limits', query.POD) },
    { name: 'RSS', query: query.memoryRss(query.POD) },
    { name: 'Cache', query: query.memoryCache(query.POD) },
    { name: 'Received', query: query.bandwidth('receive', query.POD), unit: 'Bps' },
    { name: 'Transmitted', query: query.bandwidth('transmit', query.POD), unit: 'Bps' },
    { name: 'Received packets dropped', query: query.droppedPackets('receive', query.POD), unit: 'pps' },
    { name: 'Transmitted packets dropped', query: query.droppedPackets('transmit', query.POD), unit: 'pps' },
    { name: 'Disk reads', query: query.diskReads(query.POD), unit: 'Bps' },
    { name: 'Disk writes', query: query.diskWrites(query.POD), unit: 'Bps' },
  ],
})

export const nodesTable = table({
  title: 'CPU and memory of nodes',
  description: 'What the system and the pods of each node use now, and its allocatable resources.',
  unit: 'bytes',
  keys: [
    { label: 'node', name: 'Node' },
    { label: 'cluster', name: 'Cluster' },
  ],
  columns: [
    { name: 'Pods', query: query.podsPerNode, unit: 'none' },
    { name: 'Pods allocatable', query: query.allocatable('pods'), unit: 'none' },
    { name: 'CPU', query: query.nodeCpuUsage, unit: 'short', decimals: 3 },
    { name: 'CPU allocatable', query: query.allocatable('cpu'), unit: 'short' },
    { name: 'Memory', query: query.nodeMemoryWorkingSet },
    { name: 'Memory allocatable', query: query.allocatable('memory') },
    { name: 'Memory capacity', query: query.memoryCapacity },
  ],
})

/** By node exporters. */
export const exportedTimeseries = [
  timeseries({
    title: 'CPU by node exporters',
    description: 'Cores of each node that are not idle.',
    unit: 'short',
    queries: [query.exportedCpuUsage],
  }),
  timeseries({
    title: 'Memory by node exporters',
    description: 'Memory of each node that is not available.',
    unit: 'bytes',
    queries: [query.exportedMemoryUsage],
  }),
  timeseries({
    title: 'File system by node exporters',
    description: 'Used share of the root file system of each node.',
    unit: 'percentunit',
    max: 1,
    queries: [query.exportedFilesystemUsage],
  }),
]

export const exportedTrafficTimeseries = [
  timeseries({
    title: 'Disk by node exporters',
    description: 'Bytes per second that each node reads from and writes to its disks.',
    unit: 'Bps',
    queries: [suffixed(query.exportedDiskReads, 'read'), suffixed(query.exportedDiskWrites, 'written')],
  }),
  timeseries({
    title: 'Network by node exporters',
    description: 'Bytes per second that each node receives and transmits.',
    unit: 'Bps',
    queries: [
      suffixed(query.exportedBandwidth('receive'), 'received'),
      suffixed(query.exportedBandwidth('transmit'), 'transmitted'),
    ],
  }),
]
