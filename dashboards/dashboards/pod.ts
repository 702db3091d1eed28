import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perContainer, wholePod } from '../granularity.ts'
import { cpuBounds, cpuQuotaTable, cpuThrottlingTimeseries, cpuUsageTimeseries } from '../panels/cpu.ts'
import { memoryBounds, memoryDetailTable, memoryUsageTimeseries } from '../panels/memory.ts'
import { bandwidthTimeseries, droppedPacketsTimeseries, packetsTimeseries } from '../panels/network.ts'
import {
  diskOperationsByAccessTimeseries,
  diskOperationsTimeseries,
  diskThroughputByAccessTimeseries,
  diskThroughputTimeseries,
  storageTable,
} from '../panels/storage.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, oneNamespaceVariable, podVariable } from '../variables.ts'

export function pod(): LabDashboard {
  return labDashboard({
    uid: uids.pod,
    title: 'Kubernetes / Compute Resources / Pod',
    description: 'CPU, memory, network and disk of a pod and its containers.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable(), podVariable()],
    rows: [
      row(
        'CPU',
        line(8, cpuUsageTimeseries(perContainer, cpuBounds(wholePod))),
        line(7, cpuThrottlingTimeseries(perContainer)),
        line(8, cpuQuotaTable(perContainer)),
      ),
      row(
        'Memory',
        line(8, memoryUsageTimeseries(perContainer, { title: 'Memory Usage (WSS)', bounds: memoryBounds(wholePod) })),
        line(8, memoryDetailTable(perContainer)),
      ),
      row(
        'Network',
        line(7, bandwidthTimeseries('receive', wholePod), bandwidthTimeseries('transmit', wholePod)),
        line(7, packetsTimeseries('receive', wholePod), packetsTimeseries('transmit', wholePod)),
        line(7, droppedPacketsTimeseries('receive', wholePod), droppedPacketsTimeseries('transmit', wholePod)),
      ),
      row(
        'Storage IO',
        line(
          7,
          diskOperationsByAccessTimeseries(wholePod, 'IOPS (Pod)'),
          diskThroughputByAccessTimeseries(wholePod, 'ThroughPut (Pod)'),
        ),
        line(
          7,
          diskOperationsTimeseries(perContainer, 'IOPS (Containers)'),
          diskThroughputTimeseries(perContainer, 'ThroughPut (Containers)'),
        ),
        line(8, storageTable(perContainer)),
      ),
    ],
  })
}
