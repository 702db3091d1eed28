import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import {
  nodeUsagesTimeseries,
  podUsagesTable,
  scrapeErrorsStat,
  servedNodesStat,
  servedPodsTimeseries,
} from '../panels/kwok-metrics.ts'
import { uids } from '../uids.ts'
import { clusterOfJobVariable, datasourceVariable, kwokNamespaceVariable, nodeOfVariable } from '../variables.ts'

const OF_PODS = 'kwok_pod_memory_working_set_bytes'

export function kwokMetrics(): LabDashboard {
  return labDashboard({
    uid: uids.kwokMetrics,
    title: 'KWOK metrics',
    description:
      "KWOK's own metrics of nodes, pods and containers, compared with those of the OpenTelemetry Collector.",
    prerequisites: ['kwok-metrics'],
    variables: [
      datasourceVariable(),
      clusterOfJobVariable('kwok-metrics'),
      nodeOfVariable(OF_PODS),
      kwokNamespaceVariable(OF_PODS),
    ],
    rows: [
      row('What KWOK serves', line(6, servedNodesStat(), scrapeErrorsStat(), servedPodsTimeseries())),
      row('Nodes', line(8, nodeUsagesTimeseries('cpu'), nodeUsagesTimeseries('memory'))),
      row('Pods', line(10, podUsagesTable('cpu')), line(10, podUsagesTable('memory'))),
    ],
  })
}
