import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perPodOfWorkload } from '../granularity.ts'
import { cpuQuotaTable, cpuUsageTimeseries } from '../panels/cpu.ts'
import { memoryQuotaTable, memoryUsageTimeseries } from '../panels/memory.ts'
import {
  averageBandwidthTimeseries,
  bandwidthTimeseries,
  droppedPacketsTimeseries,
  networkUsageTable,
  packetsTimeseries,
} from '../panels/network.ts'
import { uids } from '../uids.ts'
import {
  clusterVariable,
  datasourceVariable,
  oneNamespaceVariable,
  workloadTypeVariable,
  workloadVariable,
} from '../variables.ts'

export function workload(): LabDashboard {
  return labDashboard({
    uid: uids.workload,
    title: 'Kubernetes / Compute Resources / Workload',
    description: 'CPU, memory and network of the pods of a workload.',
    prerequisites: [],
    variables: [
      datasourceVariable(),
      clusterVariable(),
      oneNamespaceVariable(),
      workloadTypeVariable(),
      workloadVariable(),
    ],
    rows: [
      row('CPU', line(8, cpuUsageTimeseries(perPodOfWorkload)), line(8, cpuQuotaTable(perPodOfWorkload))),
      row('Memory', line(8, memoryUsageTimeseries(perPodOfWorkload)), line(8, memoryQuotaTable(perPodOfWorkload))),
      row(
        'Network',
        line(8, networkUsageTable(perPodOfWorkload)),
        line(7, bandwidthTimeseries('receive', perPodOfWorkload), bandwidthTimeseries('transmit', perPodOfWorkload)),
        line(
          7,
          averageBandwidthTimeseries('receive', perPodOfWorkload, 'Average Container Bandwidth by Pod: '),
          averageBandwidthTimeseries('transmit', perPodOfWorkload, 'Average Container Bandwidth by Pod: '),
        ),
        line(7, packetsTimeseries('receive', perPodOfWorkload), packetsTimeseries('transmit', perPodOfWorkload)),
        line(
          7,
          droppedPacketsTimeseries('receive', perPodOfWorkload),
          droppedPacketsTimeseries('transmit', perPodOfWorkload),
        ),
      ),
    ],
  })
}
