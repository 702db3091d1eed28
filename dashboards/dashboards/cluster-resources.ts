import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perNamespace, wholeCluster } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import * as network from '../panels/network.ts'
import { podAndWorkloadColumns } from '../panels/pods.ts'
import * as storage from '../panels/storage.ts'
import { uids } from '../uids.ts'
import { clusterVariable } from '../variables.ts'

const counts = podAndWorkloadColumns(perNamespace)

export const clusterResources: DashboardDefinition = {
  uid: uids.cluster,
  title: 'Kubernetes / Compute Resources / Cluster',
  description: 'CPU, memory, network and disk of the cluster, by namespace.',
  variables: [clusterVariable()],
  rows: [
    row(
      'Headlines',
      line(
        3,
        cpu.utilisationStat(wholeCluster),
        cpu.requestsCommitmentStat(wholeCluster),
        cpu.limitsCommitmentStat(wholeCluster),
        memory.utilisationStat(wholeCluster),
        memory.requestsCommitmentStat(wholeCluster),
        memory.limitsCommitmentStat(wholeCluster),
      ),
    ),
    row('CPU', line(8, cpu.usageTimeseries(perNamespace)), line(8, cpu.quotaTable(perNamespace, counts))),
    row(
      'Memory',
      line(8, memory.rssTimeseries(perNamespace, { title: 'Memory' })),
      line(8, memory.quotaTable(perNamespace, { title: 'Memory Requests by Namespace', counts })),
    ),
    row(
      'Network',
      line(8, network.usageTable(perNamespace)),
      line(7, network.bandwidthTimeseries(perNamespace)),
      line(7, network.averageBandwidthTimeseries(perNamespace, 'Average Container Bandwidth by Namespace: ')),
      line(7, network.packetsTimeseries(perNamespace)),
      line(7, network.droppedPacketsTimeseries(perNamespace)),
    ),
    row(
      'Storage IO',
      line(7, storage.diskOperationsTimeseries(perNamespace), storage.diskThroughputTimeseries(perNamespace)),
      line(8, storage.usageTable(perNamespace)),
    ),
  ],
}
