import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perWorkload } from '../granularity.ts'
import { autoscalersTimeseries } from '../panels/autoscalers.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import * as network from '../panels/network.ts'
import { runningPodsColumn } from '../panels/pods.ts'
import { cpuQuotas, memoryQuotas } from '../queries/quota.ts'
import { inNamespace } from '../queries/scope.ts'
import { uids } from '../uids.ts'
import { clusterVariable, oneNamespaceVariable, workloadTypeVariable } from '../variables.ts'

const counts = runningPodsColumn(perWorkload)

export const namespaceWorkloads: DashboardDefinition = {
  uid: uids.namespaceWorkloads,
  title: 'Kubernetes / Compute Resources / Namespace (Workloads)',
  description: 'CPU, memory and network of the workloads of a namespace.',
  variables: [clusterVariable(), oneNamespaceVariable(), workloadTypeVariable()],
  rows: [
    row(
      'CPU',
      line(8, cpu.usageTimeseries(perWorkload, cpuQuotas(inNamespace))),
      line(8, cpu.quotaTable(perWorkload, counts)),
    ),
    row('Autoscalers', line(7, autoscalersTimeseries(perWorkload))),
    row(
      'Memory',
      line(8, memory.usageTimeseries(perWorkload, { bounds: memoryQuotas(inNamespace) })),
      line(8, memory.quotaTable(perWorkload, { counts })),
    ),
    row(
      'Network',
      line(8, network.usageTable(perWorkload)),
      line(7, network.bandwidthTimeseries(perWorkload)),
      line(7, network.averageBandwidthTimeseries(perWorkload, 'Average Container Bandwidth by Workload: ')),
      line(7, network.packetsTimeseries(perWorkload)),
      line(7, network.droppedPacketsTimeseries(perWorkload)),
    ),
  ],
}
