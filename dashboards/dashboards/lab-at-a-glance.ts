import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { wholeCluster } from '../granularity.ts'
import * as cpu from '../panels/cpu.ts'
import * as kubePrometheusPanels from '../panels/kube-prometheus.ts'
import * as memory from '../panels/memory.ts'
import { conditionsTimeseries, nodesCpuTimeseries, nodesMemoryTimeseries, nodesStat } from '../panels/nodes.ts'
import * as pods from '../panels/pods.ts'
import { kubePrometheus } from './kube-prometheus.ts'
import { labOverview } from './lab-overview.ts'

/** The panels of the entrance of the lab's page; not a dashboard of its own. */
export const labAtAGlance: DashboardDefinition = {
  ...labOverview,
  rows: [
    row(
      '',
      line(
        3,
        nodesStat(wholeCluster),
        pods.runningPodsStat(wholeCluster),
        cpu.utilisationStat(wholeCluster),
        memory.utilisationStat(wholeCluster),
      ),
      line(
        6,
        conditionsTimeseries(wholeCluster),
        pods.podsByPhaseTimeseries(wholeCluster),
        nodesCpuTimeseries(wholeCluster),
        nodesMemoryTimeseries(wholeCluster),
      ),
    ),
  ],
}

/** The same for a lab with kube-prometheus' metrics alone. */
export const kubePrometheusAtAGlance: DashboardDefinition = {
  ...kubePrometheus,
  rows: [
    row(
      '',
      line(3, kubePrometheusPanels.nodesStat, kubePrometheusPanels.runningPodsStat),
      line(
        6,
        kubePrometheusPanels.conditionsTimeseries,
        kubePrometheusPanels.podsByPhaseTimeseries,
        kubePrometheusPanels.cpuTimeseries,
        kubePrometheusPanels.memoryTimeseries,
      ),
    ),
  ],
}
