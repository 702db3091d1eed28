import { type LabDashboard, type Line, labDashboard, line, row } from '../dashboard.ts'
import {
  type Granularity,
  networkPerNamespace,
  networkPerPod,
  networkPerWorkload,
  perPodOfWorkload,
  wholeNamespace,
  wholePod,
} from '../granularity.ts'
import {
  averageBandwidthTimeseries,
  averageBitsBarGauge,
  bandwidthTimeseries,
  currentBitsBarGauge,
  currentBitsGauge,
  currentBitsTimeseries,
  droppedPacketsTimeseries,
  networkUsageTable,
  packetsTimeseries,
} from '../panels/network.ts'
import { uids } from '../uids.ts'
import {
  clusterVariable,
  datasourceVariable,
  oneNamespaceVariable,
  podVariable,
  workloadTypeVariable,
  workloadVariable,
} from '../variables.ts'

export function networkingCluster(): LabDashboard {
  return labDashboard({
    uid: uids.networkCluster,
    title: 'Kubernetes / Networking / Cluster',
    description: "Traffic of the cluster's pods, by namespace.",
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable()],
    rows: [
      row(
        'Current Bandwidth',
        line(
          8,
          currentBitsTimeseries('receive', networkPerNamespace),
          currentBitsTimeseries('transmit', networkPerNamespace),
        ),
        line(9, networkUsageTable(networkPerNamespace, { title: 'Current Status', averages: true })),
      ),
      row(
        'Average Bandwidth',
        line(
          8,
          averageBandwidthTimeseries('receive', networkPerNamespace, 'Average Rate of Bits '),
          averageBandwidthTimeseries('transmit', networkPerNamespace, 'Average Rate of Bits '),
        ),
      ),
      ...history(networkPerNamespace),
    ],
  })
}

export function networkingNamespacePods(): LabDashboard {
  return labDashboard({
    uid: uids.networkNamespacePods,
    title: 'Kubernetes / Networking / Namespace (Pods)',
    description: 'Traffic of the pods of a namespace.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable()],
    rows: [
      row(
        'Current Bandwidth',
        line(7, currentBitsGauge('receive', wholeNamespace), currentBitsGauge('transmit', wholeNamespace)),
        line(9, networkUsageTable(networkPerPod)),
      ),
      ...history(networkPerPod),
    ],
  })
}

export function networkingNamespaceWorkload(): LabDashboard {
  return labDashboard({
    uid: uids.networkNamespaceWorkload,
    title: 'Kubernetes / Networking / Namespace (Workload)',
    description: 'Traffic of the workloads of a namespace.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable(), workloadTypeVariable()],
    rows: [
      row(
        'Current Bandwidth',
        line(
          8,
          currentBitsBarGauge('receive', networkPerWorkload),
          currentBitsBarGauge('transmit', networkPerWorkload),
        ),
        line(9, networkUsageTable(networkPerWorkload, { title: 'Current Status', averages: true })),
      ),
      ...history(
        networkPerWorkload,
        line(
          8,
          averageBandwidthTimeseries('receive', networkPerWorkload, 'Average Container Bandwidth by Workload: '),
          averageBandwidthTimeseries('transmit', networkPerWorkload, 'Average Container Bandwidth by Workload: '),
        ),
      ),
    ],
  })
}

export function networkingPod(): LabDashboard {
  return labDashboard({
    uid: uids.networkPod,
    title: 'Kubernetes / Networking / Pod',
    description: 'Traffic of a pod.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable(), podVariable()],
    rows: [
      row('Current Bandwidth', line(7, currentBitsGauge('receive', wholePod), currentBitsGauge('transmit', wholePod))),
      ...history(wholePod),
    ],
  })
}

export function networkingWorkload(): LabDashboard {
  return labDashboard({
    uid: uids.networkWorkload,
    title: 'Kubernetes / Networking / Workload',
    description: 'Traffic of the pods of a workload.',
    prerequisites: [],
    variables: [
      datasourceVariable(),
      clusterVariable(),
      oneNamespaceVariable(),
      workloadTypeVariable(),
      workloadVariable(),
    ],
    rows: [
      row(
        'Current Bandwidth',
        line(8, currentBitsBarGauge('receive', perPodOfWorkload), currentBitsBarGauge('transmit', perPodOfWorkload)),
      ),
      row(
        'Average Bandwidth',
        line(8, averageBitsBarGauge('receive', perPodOfWorkload), averageBitsBarGauge('transmit', perPodOfWorkload)),
      ),
      ...history(perPodOfWorkload),
    ],
  })
}

/** The last rows of every network dashboard. */
function history(grain: Granularity, ...more: Line[]) {
  return [
    row('Bandwidth', line(8, bandwidthTimeseries('receive', grain), bandwidthTimeseries('transmit', grain)), ...more),
    row('Packets', line(8, packetsTimeseries('receive', grain), packetsTimeseries('transmit', grain))),
    row('Errors', line(8, droppedPacketsTimeseries('receive', grain), droppedPacketsTimeseries('transmit', grain))),
  ]
}
