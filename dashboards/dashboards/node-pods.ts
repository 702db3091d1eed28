import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perPodOfNode } from '../granularity.ts'
import { cpuQuotaTable, cpuUsageTimeseries } from '../panels/cpu.ts'
import { memoryDetailTable, memoryRssTimeseries, memoryUsageTimeseries } from '../panels/memory.ts'
import { allocatableCpuBound, allocatableMemoryBounds } from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, oneNodeVariable } from '../variables.ts'

export function nodePods(): LabDashboard {
  const bounds = allocatableMemoryBounds(perPodOfNode)
  return labDashboard({
    uid: uids.nodePods,
    title: 'Kubernetes / Compute Resources / Node (Pods)',
    description: 'CPU and memory of the pods of a node.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), oneNodeVariable()],
    rows: [
      row(
        'CPU',
        line(8, cpuUsageTimeseries(perPodOfNode, [allocatableCpuBound(perPodOfNode)])),
        line(8, cpuQuotaTable(perPodOfNode)),
      ),
      row(
        'Memory',
        line(8, memoryUsageTimeseries(perPodOfNode, { title: 'Memory Usage (w/cache)', bounds })),
        line(8, memoryRssTimeseries(perPodOfNode, { title: 'Memory Usage (w/o cache)', bounds })),
        line(8, memoryDetailTable(perPodOfNode)),
      ),
    ],
  })
}
