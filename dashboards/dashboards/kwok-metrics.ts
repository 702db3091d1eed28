import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/kwok-metrics.ts'
import { uids } from '../uids.ts'
import { clusterOfJobVariable, kwokNamespaceVariable, nodeVariable } from '../variables.ts'

const OF_PODS = 'kwok_pod_memory_working_set_bytes'

export const kwokMetrics: DashboardDefinition = {
  uid: uids.kwokMetrics,
  title: 'KWOK metrics',
  description: "KWOK's own metrics of nodes, pods and containers, compared with those of the OpenTelemetry Collector.",
  prerequisites: ['kwok-metrics'],
  variables: [clusterOfJobVariable('kwok-metrics'), nodeVariable(OF_PODS), kwokNamespaceVariable(OF_PODS)],
  rows: [
    row('What KWOK serves', line(6, panels.servedNodesStat, panels.scrapeErrorsStat, panels.servedPodsTimeseries)),
    row('Nodes', line(8, panels.nodeUsagesTimeseries('cpu'), panels.nodeUsagesTimeseries('memory'))),
    row('Pods', line(10, panels.podUsagesTable('cpu')), line(10, panels.podUsagesTable('memory'))),
  ],
}
