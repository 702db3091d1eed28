import type { TraceStore } from '../lib/grafana/generated-files.ts'
import { type LabDashboard, labDashboard } from './dashboard.ts'
import { clusterResources } from './dashboards/cluster-resources.ts'
import { apiserver, controllerManager, etcd, kwokController, scheduler } from './dashboards/control-plane.ts'
import { customMetrics } from './dashboards/custom-metrics.ts'
import { kubePrometheus } from './dashboards/kube-prometheus.ts'
import { kwokMetrics } from './dashboards/kwok-metrics.ts'
import { labOverview } from './dashboards/lab-overview.ts'
import { namespacePods } from './dashboards/namespace-pods.ts'
import { namespaceWorkloads } from './dashboards/namespace-workloads.ts'
import {
  networkingCluster,
  networkingNamespacePods,
  networkingNamespaceWorkload,
  networkingPod,
  networkingWorkload,
} from './dashboards/networking.ts'
import { nodeHealth } from './dashboards/node-health.ts'
import { nodePods } from './dashboards/node-pods.ts'
import { nodesOverview } from './dashboards/nodes-overview.ts'
import { onlineBoutique } from './dashboards/online-boutique.ts'
import { persistentVolumes } from './dashboards/persistent-volumes.ts'
import { pod } from './dashboards/pod.ts'
import { traces } from './dashboards/traces.ts'
import { workload } from './dashboards/workload.ts'

export { metricCatalog, optionalSources, partlyListed } from './catalog.ts'
export type { LabDashboard } from './dashboard.ts'
export { labRules, recordedSeries } from './rules/index.ts'

/**
 * All dashboards of the lab, the home dashboard first, with links to the trace store. Each call builds the same ones
 * again.
 */
export function labDashboards(tracesIn: TraceStore = 'jaeger'): LabDashboard[] {
  return [
    labOverview,
    clusterResources,
    namespacePods,
    namespaceWorkloads,
    workload,
    pod,
    nodesOverview,
    nodePods,
    nodeHealth,
    networkingCluster,
    networkingNamespacePods,
    networkingNamespaceWorkload,
    networkingWorkload,
    networkingPod,
    persistentVolumes,
    apiserver,
    controllerManager,
    scheduler,
    etcd,
    kwokController,
    kubePrometheus,
    kwokMetrics,
    customMetrics,
    onlineBoutique(tracesIn),
    traces,
  ].map(labDashboard)
}
