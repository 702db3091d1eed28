import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/custom-metrics.ts'
import { uids } from '../uids.ts'
import { clusterVariable, kwokNamespaceVariable, nodeVariable } from '../variables.ts'

export const customMetrics: DashboardDefinition = {
  uid: uids.customMetrics,
  title: 'Custom metrics',
  description: 'The metrics of kwok-config/kwok-metrics.yaml, each kind for each level: an example for your own.',
  prerequisites: ['example-metrics'],
  variables: [
    clusterVariable('lab_node_temperature_celsius'),
    nodeVariable('lab_node_temperature_celsius'),
    kwokNamespaceVariable('lab_pod_queue_length'),
  ],
  rows: [
    row(
      'Nodes',
      line(7, panels.temperatureTimeseries, panels.startedContainersTimeseries),
      line(7, panels.diskOperationsTimeseries, panels.diskLatencyTimeseries),
    ),
    row(
      'Pods',
      line(7, panels.queueLengthTimeseries, panels.podRequestsTimeseries),
      line(7, panels.requestDurationTimeseries, panels.meanRequestDurationTimeseries),
    ),
    row('Containers', line(7, panels.openFilesTimeseries, panels.logBytesTimeseries)),
  ],
}
