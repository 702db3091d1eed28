import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perNamespace, wholeCluster } from '../granularity.ts'
import { cpuQuotaTable, cpuUtilisationStat } from '../panels/cpu.ts'
import { memoryQuotaTable, memoryUtilisationStat } from '../panels/memory.ts'
import { conditionsTimeseries, nodesCpuTimeseries, nodesMemoryTimeseries, nodesStat } from '../panels/nodes.ts'
import {
  alertsTable,
  headSeriesStat,
  pointsTimeseries,
  targetsDownStat,
  targetsUpTimeseries,
} from '../panels/overview.ts'
import {
  namespacesStat,
  podsByPhaseTimeseries,
  restartsTimeseries,
  runningContainersStat,
  runningPodsStat,
  workloadsStat,
} from '../panels/pods.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable } from '../variables.ts'

export function labOverview(): LabDashboard {
  return labDashboard({
    uid: uids.overview,
    title: 'Lab overview',
    description: 'The objects of the lab, its health, and links to the other dashboards.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable()],
    rows: [
      row(
        'What there is',
        line(
          4,
          nodesStat(wholeCluster),
          namespacesStat(wholeCluster),
          workloadsStat(wholeCluster),
          runningPodsStat(wholeCluster),
          runningContainersStat(wholeCluster),
          headSeriesStat(),
        ),
        line(4, cpuUtilisationStat(wholeCluster), memoryUtilisationStat(wholeCluster), targetsDownStat()),
      ),
      row(
        'Nodes and pods',
        line(7, podsByPhaseTimeseries(wholeCluster), conditionsTimeseries(wholeCluster)),
        line(7, nodesCpuTimeseries(wholeCluster), nodesMemoryTimeseries(wholeCluster)),
      ),
      row(
        'Namespaces',
        line(8, cpuQuotaTable(perNamespace)),
        line(8, memoryQuotaTable(perNamespace)),
        line(7, restartsTimeseries(perNamespace)),
      ),
      row('The lab itself', line(7, alertsTable()), line(7, targetsUpTimeseries(), pointsTimeseries())),
    ],
  })
}
