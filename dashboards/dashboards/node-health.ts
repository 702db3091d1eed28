import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { selectedNodes } from '../granularity.ts'
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
    description: 'Conditions and usage of each node.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable(), nodeVariable()],
    rows: [
      row('Conditions', line(8, conditionsTimeseries(selectedNodes), podsPerNodeTimeseries(selectedNodes))),
      row('Nodes', line(10, nodeHealthTable(selectedNodes))),
      row(
        'Hosts',
        line(7, nodeCpuByStateTimeseries(selectedNodes), nodeLoadTimeseries(selectedNodes)),
        line(7, nodeMemoryByStateTimeseries(selectedNodes), nodeDiskTimeseries(selectedNodes)),
        line(7, nodeBandwidthTimeseries('receive', selectedNodes), nodeBandwidthTimeseries('transmit', selectedNodes)),
        line(7, nodeFilesystemTimeseries(selectedNodes)),
      ),
    ],
  })
}
