import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perWorkload } from '../granularity.ts'
import { autoscalersTimeseries } from '../panels/autoscalers.ts'
import { cpuQuotaTable, cpuUsageTimeseries } from '../panels/cpu.ts'
import { memoryQuotaTable, memoryUsageTimeseries } from '../panels/memory.ts'
import {
  averageBandwidthTimeseries,
  bandwidthTimeseries,
  droppedPacketsTimeseries,
  networkUsageTable,
  packetsTimeseries,
} from '../panels/network.ts'
import { runningPodsColumn } from '../panels/pods.ts'
import { quotaCpuLimits, quotaCpuRequests, quotaMemoryLimits, quotaMemoryRequests } from '../queries/quota.ts'
import { inNamespace } from '../queries/scope.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, oneNamespaceVariable, workloadTypeVariable } from '../variables.ts'

export function namespaceWorkloads(): LabDashboard {
  const counts = runningPodsColumn(perWorkload)
  const memoryQuotas = [quotaMemoryRequests(inNamespace), quotaMemoryLimits(inNamespace)]
  return labDashboard({
    uid: uids.namespaceWorkloads,
    title: 'Kubernetes / Compute Resources / Namespace (Workloads)',
    description: 'CPU, memory and network of the workloads of a namespace.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable(), workloadTypeVariable()],
    rows: [
      row(
        'CPU',
        line(8, cpuUsageTimeseries(perWorkload, [quotaCpuRequests(inNamespace), quotaCpuLimits(inNamespace)])),
        line(8, cpuQuotaTable(perWorkload, counts)),
      ),
      row('Autoscalers', line(7, autoscalersTimeseries(perWorkload))),
      row(
        'Memory',
        line(8, memoryUsageTimeseries(perWorkload, { bounds: memoryQuotas })),
        line(8, memoryQuotaTable(perWorkload, { counts })),
      ),
      row(
        'Network',
        line(8, networkUsageTable(perWorkload)),
        line(7, bandwidthTimeseries('receive', perWorkload), bandwidthTimeseries('transmit', perWorkload)),
        line(
          7,
          averageBandwidthTimeseries('receive', perWorkload, 'Average Container Bandwidth by Workload: '),
          averageBandwidthTimeseries('transmit', perWorkload, 'Average Container Bandwidth by Workload: '),
        ),
        line(7, packetsTimeseries('receive', perWorkload), packetsTimeseries('transmit', perWorkload)),
        line(7, droppedPacketsTimeseries('receive', perWorkload), droppedPacketsTimeseries('transmit', perWorkload)),
      ),
    ],
  })
}
