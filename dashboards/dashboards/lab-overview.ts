import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perNamespace, wholeCluster } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as memory from '../panels/memory.ts'
import { conditionsTimeseries, nodesCpuTimeseries, nodesMemoryTimeseries, nodesStat } from '../panels/nodes.ts'
import * as overview from '../panels/overview.ts'
import * as pods from '../panels/pods.ts'
import { uids } from '../uids.ts'
import { clusterVariable } from '../variables.ts'

export const labOverview: DashboardDefinition = {
  uid: uids.overview,
  title: 'Lab overview',
  description: 'The objects of the lab, its health, and links to the other dashboards.',
  variables: [clusterVariable('up')],
  rows: [
    row(
      'What there is',
      line(
        4,
        nodesStat(wholeCluster),
        pods.namespacesStat(wholeCluster),
        pods.workloadsStat(wholeCluster),
        pods.runningPodsStat(wholeCluster),
        pods.runningContainersStat(wholeCluster),
        overview.headSeriesStat,
      ),
      line(4, cpu.utilisationStat(wholeCluster), memory.utilisationStat(wholeCluster), overview.targetsDownStat),
    ),
    row(
      'Nodes and pods',
      line(7, pods.podsByPhaseTimeseries(wholeCluster), conditionsTimeseries(wholeCluster)),
      line(7, nodesCpuTimeseries(wholeCluster), nodesMemoryTimeseries(wholeCluster)),
    ),
    row(
      'Namespaces',
      line(8, cpu.quotaTable(perNamespace)),
      line(8, memory.quotaTable(perNamespace)),
      line(7, pods.restartsTimeseries(perNamespace)),
    ),
    row(
      'The lab itself',
      line(7, overview.alertsTable),
      line(7, overview.targetsUpTimeseries, overview.pointsTimeseries),
    ),
  ],
}
