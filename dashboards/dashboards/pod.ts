import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perContainer, wholePod } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import * as network from '../panels/network.ts'
import * as storage from '../panels/storage.ts'
import { uids } from '../uids.ts'
import { clusterVariable, oneNamespaceVariable, podVariable } from '../variables.ts'

export const pod: DashboardDefinition = {
  uid: uids.pod,
  title: 'Kubernetes / Compute Resources / Pod',
  description: 'CPU, memory, network and disk of a pod and its containers.',
  variables: [clusterVariable(), oneNamespaceVariable(), podVariable()],
  rows: [
    row(
      'CPU',
      line(8, cpu.usageTimeseries(perContainer, cpu.bounds(wholePod))),
      line(7, cpu.throttlingTimeseries(perContainer)),
      line(8, cpu.quotaTable(perContainer)),
    ),
    row(
      'Memory',
      line(8, memory.usageTimeseries(perContainer, { title: 'Memory Usage (WSS)', bounds: memory.bounds(wholePod) })),
      line(8, memory.detailTable(perContainer)),
    ),
    row(
      'Network',
      line(7, network.bandwidthTimeseries(wholePod)),
      line(7, network.packetsTimeseries(wholePod)),
      line(7, network.droppedPacketsTimeseries(wholePod)),
    ),
    row(
      'Storage IO',
      line(
        7,
        storage.diskOperationsByAccessTimeseries(wholePod, 'IOPS (Pod)'),
        storage.diskThroughputByAccessTimeseries(wholePod, 'ThroughPut (Pod)'),
      ),
      line(
        7,
        storage.diskOperationsTimeseries(perContainer, 'IOPS (Containers)'),
        storage.diskThroughputTimeseries(perContainer, 'ThroughPut (Containers)'),
      ),
      line(8, storage.usageTable(perContainer)),
    ),
  ],
}
