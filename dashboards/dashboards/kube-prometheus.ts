import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/kube-prometheus.ts'
import { uids } from '../uids.ts'
import { kubePrometheusVariables } from '../variables.ts'

export const kubePrometheus: DashboardDefinition = {
  uid: uids.kubePrometheus,
  title: 'kube-prometheus metrics',
  description:
    'The cluster in the metrics of kube-state-metrics, kubelets and node exporters: METRICS=prometheus or both.',
  prerequisites: ['kube-prometheus-metrics'],
  variables: kubePrometheusVariables(),
  rows: [
    row(
      'Cluster',
      line(6, panels.nodesStat, panels.runningPodsStat, panels.conditionsTimeseries, panels.podsByPhaseTimeseries),
    ),
    row(
      'Namespaces',
      line(8, panels.cpuTimeseries, panels.memoryTimeseries),
      line(7, panels.throttlingTimeseries, panels.restartsTimeseries),
      line(7, panels.replicasTimeseries, panels.volumesTimeseries),
    ),
    row('Pods', line(10, panels.podsTable)),
    row(
      'Nodes',
      line(8, panels.nodesTable),
      line(7, panels.exportedTimeseries),
      line(7, panels.exportedTrafficTimeseries),
    ),
  ],
}
