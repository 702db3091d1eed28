import { type DashboardDefinition, type Line, line, row } from '../dashboard.ts'
import {
  type Granularity,
  networkPerNamespace,
  networkPerPod,
  networkPerWorkload,
  perPodOfWorkload,
  wholeNamespace,
  wholePod,
} from '../granularity.ts'
import * as panels from '../panels/network.ts'
import { uids } from '../uids.ts'
import {
  clusterVariable,
  oneNamespaceVariable,
  podVariable,
  workloadTypeVariable,
  workloadVariable,
} from '../variables.ts'

export const networkingCluster: DashboardDefinition = {
  uid: uids.networkCluster,
  title: 'Kubernetes / Networking / Cluster',
  description: "Traffic of the cluster's pods, by namespace.",
  variables: [clusterVariable()],
  rows: [
    row(
      'Current Bandwidth',
      line(8, panels.currentBitsTimeseries(networkPerNamespace)),
      line(9, panels.usageTable(networkPerNamespace, { title: 'Current Status', averages: true })),
    ),
    row('Average Bandwidth', line(8, panels.averageBandwidthTimeseries(networkPerNamespace, 'Average Rate of Bits '))),
    ...history(networkPerNamespace),
  ],
}

export const networkingNamespacePods: DashboardDefinition = {
  uid: uids.networkNamespacePods,
  title: 'Kubernetes / Networking / Namespace (Pods)',
  description: 'Traffic of the pods of a namespace.',
  variables: [clusterVariable(), oneNamespaceVariable()],
  rows: [
    row(
      'Current Bandwidth',
      line(7, panels.currentBitsGauge(wholeNamespace)),
      line(9, panels.usageTable(networkPerPod)),
    ),
    ...history(networkPerPod),
  ],
}

export const networkingNamespaceWorkload: DashboardDefinition = {
  uid: uids.networkNamespaceWorkload,
  title: 'Kubernetes / Networking / Namespace (Workload)',
  description: 'Traffic of the workloads of a namespace.',
  variables: [clusterVariable(), oneNamespaceVariable(), workloadTypeVariable()],
  rows: [
    row(
      'Current Bandwidth',
      line(8, panels.currentBitsBarGauge(networkPerWorkload)),
      line(9, panels.usageTable(networkPerWorkload, { title: 'Current Status', averages: true })),
    ),
    ...history(
      networkPerWorkload,
      line(8, panels.averageBandwidthTimeseries(networkPerWorkload, 'Average Container Bandwidth by Workload: ')),
    ),
  ],
}

export const networkingPod: DashboardDefinition = {
  uid: uids.networkPod,
  title: 'Kubernetes / Networking / Pod',
  description: 'Traffic of a pod.',
  variables: [clusterVariable(), oneNamespaceVariable(), podVariable()],
  rows: [row('Current Bandwidth', line(7, panels.currentBitsGauge(wholePod))), ...history(wholePod)],
}

export const networkingWorkload: DashboardDefinition = {
  uid: uids.networkWorkload,
  title: 'Kubernetes / Networking / Workload',
  description: 'Traffic of the pods of a workload.',
  variables: [clusterVariable(), oneNamespaceVariable(), workloadTypeVariable(), workloadVariable()],
  rows: [
    row('Current Bandwidth', line(8, panels.currentBitsBarGauge(perPodOfWorkload))),
    row('Average Bandwidth', line(8, panels.averageBitsBarGauge(perPodOfWorkload))),
    ...history(perPodOfWorkload),
  ],
}

/** The last rows of every network dashboard. */
function history(group: Granularity, ...more: Line[]) {
  return [
    row('Bandwidth', line(8, panels.bandwidthTimeseries(group)), ...more),
    row('Packets', line(8, panels.packetsTimeseries(group))),
    row('Errors', line(8, panels.droppedPacketsTimeseries(group))),
  ]
}
