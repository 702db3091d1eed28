import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { perNode, wholeCluster } from '../granularity.ts'
import {
  cpuUtilisationPerNodeTimeseries,
  memoryUtilisationPerNodeTimeseries,
  nodeAndPodCountTimeseries,
  nodesCpuTimeseries,
  nodesMemoryTimeseries,
} from '../panels/nodes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable } from '../variables.ts'

export function nodesOverview(): LabDashboard {
  return labDashboard({
    uid: uids.nodesOverview,
    title: 'Kubernetes / Compute Resources / Nodes Overview',
    description: 'Usage of the nodes of a cluster.',
    prerequisites: [],
    variables: [datasourceVariable(), clusterVariable()],
    rows: [
      row(
        'Cluster',
        line(8, nodeAndPodCountTimeseries(wholeCluster)),
        line(8, nodesCpuTimeseries(wholeCluster), nodesMemoryTimeseries(wholeCluster)),
      ),
      row(
        'Nodes',
        line(9, cpuUtilisationPerNodeTimeseries(perNode)),
        line(9, memoryUtilisationPerNodeTimeseries(perNode)),
      ),
    ],
  })
}
