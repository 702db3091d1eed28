import type { LabDashboard } from './dashboard.ts'
import type { TraceStore } from './links.ts'
import { clusterResources } from './screens/cluster-resources.ts'
import { apiserver, controllerManager, etcd, kwokController, scheduler } from './screens/control-plane.ts'
import { customMetrics } from './screens/custom-metrics.ts'
import { kwokMetrics } from './screens/kwok-metrics.ts'
import { labOverview } from './screens/lab-overview.ts'
import { namespacePods } from './screens/namespace-pods.ts'
import { namespaceWorkloads } from './screens/namespace-workloads.ts'
import {
  networkingCluster,
  networkingNamespacePods,
  networkingNamespaceWorkload,
  networkingPod,
  networkingWorkload,
} from './screens/networking.ts'
import { nodeHealth } from './screens/node-health.ts'
import { nodePods } from './screens/node-pods.ts'
import { nodesOverview } from './screens/nodes-overview.ts'
import { onlineBoutique } from './screens/online-boutique.ts'
import { persistentVolumes } from './screens/persistent-volumes.ts'
import { pod } from './screens/pod.ts'
import { traces } from './screens/traces.ts'
import { workload } from './screens/workload.ts'

export { catalog, completeSources, optionalSources } from './catalog.ts'
export type { LabDashboard } from './dashboard.ts'
export { recordedSeries, ruleFiles } from './rules/index.ts'

/**
 * Every dashboard of the lab, the entrance first, with links to what keeps the traces. Built anew by each call; the same each
 * time.
 */
export function labDashboards(tracesIn: TraceStore = 'jaeger'): LabDashboard[] {
  return [
    labOverview(),
    clusterResources(),
    namespacePods(),
    namespaceWorkloads(),
    workload(),
    pod(),
    nodesOverview(),
    nodePods(),
    nodeHealth(),
    networkingCluster(),
    networkingNamespacePods(),
    networkingNamespaceWorkload(),
    networkingWorkload(),
    networkingPod(),
    persistentVolumes(),
    apiserver(),
    controllerManager(),
    scheduler(),
    etcd(),
    kwokController(),
    kwokMetrics(),
    customMetrics(),
    onlineBoutique(tracesIn),
    traces(),
  ]
}
