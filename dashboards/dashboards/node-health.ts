import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { selectedNodes } from '../granularity.ts'
import * as panels from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, nodeVariable } from '../variables.ts'

export const nodeHealth: DashboardDefinition = {
  uid: uids.nodeHealth,
  title: 'Kubernetes / Nodes / Health and conditions',
  description: 'Conditions and usage of each node.',
  variables: [clusterVariable(), nodeVariable()],
  rows: [
    row('Conditions', line(8, panels.conditionsTimeseries(selectedNodes), panels.podsPerNodeTimeseries(selectedNodes))),
    row('Nodes', line(10, panels.nodeHealthTable(selectedNodes))),
    row(
      'Hosts',
      line(7, panels.nodeCpuByStateTimeseries(selectedNodes), panels.nodeLoadTimeseries(selectedNodes)),
      line(7, panels.nodeMemoryByStateTimeseries(selectedNodes), panels.nodeDiskTimeseries(selectedNodes)),
      line(7, panels.nodeBandwidthTimeseries(selectedNodes)),
      line(7, panels.nodeFilesystemTimeseries(selectedNodes)),
    ),
  ],
}
