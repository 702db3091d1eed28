import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import {
  diskLatencyTimeseries,
  diskOperationsTimeseries,
  logBytesTimeseries,
  meanRequestDurationTimeseries,
  openFilesTimeseries,
  podRequestsTimeseries,
  queueLengthTimeseries,
  requestDurationTimeseries,
  startedContainersTimeseries,
  temperatureTimeseries,
} from '../panels/custom-metrics.ts'
import { uids } from '../uids.ts'
import { clusterOfVariable, datasourceVariable, kwokNamespaceVariable, nodeOfVariable } from '../variables.ts'

export function customMetrics(): LabDashboard {
  return labDashboard({
    uid: uids.customMetrics,
    title: 'Custom metrics',
    description: 'The metrics of kwok-config/kwok-metrics.yaml, each kind for each level: an example for your own.',
    prerequisites: ['example-metrics'],
    variables: [
      datasourceVariable(),
      clusterOfVariable('lab_node_temperature_celsius'),
      nodeOfVariable('lab_node_temperature_celsius'),
      kwokNamespaceVariable('lab_pod_queue_length'),
    ],
    rows: [
      row(
        'Nodes',
        line(7, temperatureTimeseries(), startedContainersTimeseries()),
        line(7, diskOperationsTimeseries(), diskLatencyTimeseries()),
      ),
      row(
        'Pods',
        line(7, queueLengthTimeseries(), podRequestsTimeseries()),
        line(7, requestDurationTimeseries(), meanRequestDurationTimeseries()),
      ),
      row('Containers', line(7, openFilesTimeseries(), logBytesTimeseries())),
    ],
  })
}
