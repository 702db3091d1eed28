import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perNamespace, wholeCluster } from '../granularity.ts'
import {
  cpuLimitsCommitmentStat,
  cpuQuotaTable,
  cpuRequestsCommitmentStat,
  cpuUsageTimeseries,
  cpuUtilisationStat,
} from '../panels/cpu.ts'
import {
  memoryLimitsCommitmentStat,
  memoryQuotaTable,
  memoryRequestsCommitmentStat,
  memoryRssTimeseries,
  memoryUtilisationStat,
} from '../panels/memory.ts'
import {
  averageBandwidthTimeseries,
  bandwidthTimeseries,
  droppedPacketsTimeseries,
  networkUsageTable,
  packetsTimeseries,
} from '../panels/network.ts'
import { podAndWorkloadColumns } from '../panels/pods.ts'
import { diskOperationsTimeseries, diskThroughputTimeseries, storageTable } from '../panels/storage.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable } from '../variables.ts'

export function clusterResources(): LabDashboard {
  const counts = podAndWorkloadColumns(perNamespace)
  return labDashboard({
    uid: uids.cluster,
    title: 'Kubernetes / Compute Resources / Cluster',
    description: 'CPU, memory, network and disk of the cluster, by namespace.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable()],
    rows: [
      row(
        'Headlines',
        line(
          3,
          cpuUtilisationStat(wholeCluster),
          cpuRequestsCommitmentStat(wholeCluster),
          cpuLimitsCommitmentStat(wholeCluster),
          memoryUtilisationStat(wholeCluster),
          memoryRequestsCommitmentStat(wholeCluster),
          memoryLimitsCommitmentStat(wholeCluster),
        ),
      ),
      row('CPU', line(8, cpuUsageTimeseries(perNamespace)), line(8, cpuQuotaTable(perNamespace, counts))),
      row(
        'Memory',
        line(8, memoryRssTimeseries(perNamespace, { title: 'Memory' })),
        line(8, memoryQuotaTable(perNamespace, { title: 'Memory Requests by Namespace', counts })),
      ),
      row(
        'Network',
        line(8, networkUsageTable(perNamespace)),
        line(7, bandwidthTimeseries('receive', perNamespace), bandwidthTimeseries('transmit', perNamespace)),
        line(
          7,
          averageBandwidthTimeseries('receive', perNamespace, 'Average Container Bandwidth by Namespace: '),
          averageBandwidthTimeseries('transmit', perNamespace, 'Average Container Bandwidth by Namespace: '),
        ),
        line(7, packetsTimeseries('receive', perNamespace), packetsTimeseries('transmit', perNamespace)),
        line(7, droppedPacketsTimeseries('receive', perNamespace), droppedPacketsTimeseries('transmit', perNamespace)),
      ),
      row(
        'Storage IO',
        line(7, diskOperationsTimeseries(perNamespace), diskThroughputTimeseries(perNamespace)),
        line(8, storageTable(perNamespace)),
      ),
    ],
  })
}
