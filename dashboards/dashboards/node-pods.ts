import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perPodOfNode } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import { allocatableCpuBounds, allocatableMemoryBounds } from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, oneNodeVariable } from '../variables.ts'

const bounds = allocatableMemoryBounds(perPodOfNode)

export const nodePods: DashboardDefinition = {
  uid: uids.nodePods,
  title: 'Kubernetes / Compute Resources / Node (Pods)',
  description: 'CPU and memory of the pods of a node.',
  variables: [clusterVariable(), oneNodeVariable()],
  rows: [
    row(
      'CPU',
      line(8, cpu.usageTimeseries(perPodOfNode, allocatableCpuBounds(perPodOfNode))),
      line(8, cpu.quotaTable(perPodOfNode)),
    ),
    row(
      'Memory',
      line(8, memory.usageTimeseries(perPodOfNode, { title: 'Memory Usage (w/cache)', bounds })),
      line(8, memory.rssTimeseries(perPodOfNode, { title: 'Memory Usage (w/o cache)', bounds })),
      line(8, memory.detailTable(perPodOfNode)),
    ),
  ],
}
