import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perPod, wholeNamespace } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import * as network from '../panels/network.ts'
import * as storage from '../panels/storage.ts'
import { cpuQuotas, memoryQuotas } from '../queries/quota.ts'
import { inNamespace } from '../queries/scope.ts'
import { uids } from '../uids.ts'
import { clusterVariable, oneNamespaceVariable } from '../variables.ts'

export const namespacePods: DashboardDefinition = {
  uid: uids.namespacePods,
  title: 'Kubernetes / Compute Resources / Namespace (Pods)',
  description: 'CPU, memory, network and disk of the pods of a namespace.',
  variables: [clusterVariable(), oneNamespaceVariable()],
  rows: [
    row(
      'Headlines',
      line(
        4,
        cpu.utilisationFromRequestsStat(wholeNamespace),
        cpu.utilisationFromLimitsStat(wholeNamespace),
        memory.utilisationFromRequestsStat(wholeNamespace),
        memory.utilisationFromLimitsStat(wholeNamespace),
      ),
    ),
    row('CPU', line(8, cpu.usageTimeseries(perPod, cpuQuotas(inNamespace))), line(8, cpu.quotaTable(perPod))),
    row(
      'Memory',
      line(8, memory.usageTimeseries(perPod, { title: 'Memory Usage (w/o cache)', bounds: memoryQuotas(inNamespace) })),
      line(8, memory.detailTable(perPod)),
    ),
    row(
      'Network',
      line(8, network.usageTable(perPod)),
      line(7, network.bandwidthTimeseries(perPod)),
      line(7, network.packetsTimeseries(perPod)),
      line(7, network.droppedPacketsTimeseries(perPod)),
    ),
    row(
      'Storage IO',
      line(7, storage.diskOperationsTimeseries(perPod), storage.diskThroughputTimeseries(perPod)),
      line(8, storage.usageTable(perPod)),
    ),
  ],
}
