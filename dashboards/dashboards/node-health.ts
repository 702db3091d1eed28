import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { chosenNodes } from '../granularity.ts'
import {
  conditionsTimeseries,
  nodeBandwidthTimeseries,
  nodeCpuByStateTimeseries,
  nodeDiskTimeseries,
  nodeFilesystemTimeseries,
  nodeHealthTable,
  nodeLoadTimeseries,
  nodeMemoryByStateTimeseries,
  podsPerNodeTimeseries,
} from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, nodeVariable } from '../variables.ts'

export function nodeHealth(): LabDashboard {
  return labDashboard({
    uid: uids.nodeHealth,
    title: 'Kubernetes / Nodes / Health and conditions',
    description: 'Which nodes are ready, which are under pressure, and how full each is.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), nodeVariable()],
    rows: [
      row('Conditions', line(8, conditionsTimeseries(chosenNodes), podsPerNodeTimeseries(chosenNodes))),
      row('Nodes', line(10, nodeHealthTable(chosenNodes))),
      row(
        'Hosts',
        line(7, nodeCpuByStateTimeseries(chosenNodes), nodeLoadTimeseries(chosenNodes)),
        line(7, nodeMemoryByStateTimeseries(chosenNodes), nodeDiskTimeseries(chosenNodes)),
        line(7, nodeBandwidthTimeseries('receive', chosenNodes), nodeBandwidthTimeseries('transmit', chosenNodes)),
        line(7, nodeFilesystemTimeseries(chosenNodes)),
      ),
    ],
  })
}
