import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perPodOfWorkload } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import * as network from '../panels/network.ts'
import { uids } from '../uids.ts'
import { clusterVariable, oneNamespaceVariable, workloadTypeVariable, workloadVariable } from '../variables.ts'

export const workload: DashboardDefinition = {
  uid: uids.workload,
  title: 'Kubernetes / Compute Resources / Workload',
  description: 'CPU, memory and network of the pods of a workload.',
  variables: [clusterVariable(), oneNamespaceVariable(), workloadTypeVariable(), workloadVariable()],
  rows: [
    row('CPU', line(8, cpu.usageTimeseries(perPodOfWorkload)), line(8, cpu.quotaTable(perPodOfWorkload))),
    row('Memory', line(8, memory.usageTimeseries(perPodOfWorkload)), line(8, memory.quotaTable(perPodOfWorkload))),
    row(
      'Network',
      line(8, network.usageTable(perPodOfWorkload)),
      line(7, network.bandwidthTimeseries(perPodOfWorkload)),
      line(7, network.averageBandwidthTimeseries(perPodOfWorkload, 'Average Container Bandwidth by Pod: ')),
      line(7, network.packetsTimeseries(perPodOfWorkload)),
      line(7, network.droppedPacketsTimeseries(perPodOfWorkload)),
    ),
  ],
}
