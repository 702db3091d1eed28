import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { perNode, wholeCluster } from '../granularity.ts'
import * as panels from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable } from '../variables.ts'

export const nodesOverview: DashboardDefinition = {
  uid: uids.nodesOverview,
  title: 'Kubernetes / Compute Resources / Nodes Overview',
  description: 'Usage of the nodes of a cluster.',
  variables: [clusterVariable()],
  rows: [
    row(
      'Cluster',
      line(8, panels.nodeAndPodCountTimeseries(wholeCluster)),
      line(8, panels.nodesCpuTimeseries(wholeCluster), panels.nodesMemoryTimeseries(wholeCluster)),
    ),
    row(
      'Nodes',
      line(9, panels.cpuUtilisationPerNodeTimeseries(perNode)),
      line(9, panels.memoryUtilisationPerNodeTimeseries(perNode)),
    ),
  ],
}
