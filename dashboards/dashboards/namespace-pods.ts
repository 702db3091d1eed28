import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perPod, wholeNamespace } from '../granularity.ts'
import {
  cpuQuotaTable,
  cpuUsageTimeseries,
  cpuUtilisationFromLimitsStat,
  cpuUtilisationFromRequestsStat,
} from '../panels/cpu.ts'
import {
  memoryDetailTable,
  memoryUsageTimeseries,
  memoryUtilisationFromLimitsStat,
  memoryUtilisationFromRequestsStat,
} from '../panels/memory.ts'
import {
  bandwidthTimeseries,
  droppedPacketsTimeseries,
  networkUsageTable,
  packetsTimeseries,
} from '../panels/network.ts'
import { diskOperationsTimeseries, diskThroughputTimeseries, storageTable } from '../panels/storage.ts'
import { quotaCpuLimits, quotaCpuRequests, quotaMemoryLimits, quotaMemoryRequests } from '../queries/quota.ts'
import { inNamespace } from '../queries/scope.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, oneNamespaceVariable } from '../variables.ts'

export function namespacePods(): LabDashboard {
  const memoryQuotas = [quotaMemoryRequests(inNamespace), quotaMemoryLimits(inNamespace)]
  return labDashboard({
    uid: uids.namespacePods,
    title: 'Kubernetes / Compute Resources / Namespace (Pods)',
    description: 'CPU, memory, network and disk of the pods of a namespace.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNamespaceVariable()],
    rows: [
      row(
        'Headlines',
        line(
          4,
          cpuUtilisationFromRequestsStat(wholeNamespace),
          cpuUtilisationFromLimitsStat(wholeNamespace),
          memoryUtilisationFromRequestsStat(wholeNamespace),
          memoryUtilisationFromLimitsStat(wholeNamespace),
        ),
      ),
      row(
        'CPU',
        line(8, cpuUsageTimeseries(perPod, [quotaCpuRequests(inNamespace), quotaCpuLimits(inNamespace)])),
        line(8, cpuQuotaTable(perPod)),
      ),
      row(
        'Memory',
        line(8, memoryUsageTimeseries(perPod, { title: 'Memory Usage (w/o cache)', bounds: memoryQuotas })),
        line(8, memoryDetailTable(perPod)),
      ),
      row(
        'Network',
        line(8, networkUsageTable(perPod)),
        line(7, bandwidthTimeseries('receive', perPod), bandwidthTimeseries('transmit', perPod)),
        line(7, packetsTimeseries('receive', perPod), packetsTimeseries('transmit', perPod)),
        line(7, droppedPacketsTimeseries('receive', perPod), droppedPacketsTimeseries('transmit', perPod)),
      ),
      row(
        'Storage IO',
        line(7, diskOperationsTimeseries(perPod), diskThroughputTimeseries(perPod)),
        line(8, storageTable(perPod)),
      ),
    ],
  })
}
