import type { Dimension } from '../lib/checks/verify/query-expectations.ts'
import { toNetworkNamespacePods, toNetworkNamespaceWorkloads, toNetworkPod, toNetworkWorkload } from './links.ts'
import type { TableKey } from './panel-builders.ts'
import { inCluster, inNamespace, inPod, inWorkload, ofType, onNode, type Scope } from './queries/scope.ts'
import { containerKeys, namespaceKeys, nodeKeys, podKeys, workloadKeys } from './table-keys.ts'

/** What each line, bar or table row of a dashboard is. */
export interface Granularity {
  /** Singular, for descriptions. */
  each: string
  scope: Scope
  by: readonly Dimension[]
  /** The label columns of its tables. */
  keys: readonly TableKey[]
}

const NAMESPACE = ['cluster', 'namespace'] as const
const POD = ['cluster', 'namespace', 'pod'] as const
const WORKLOAD = ['cluster', 'namespace', 'workload_type', 'workload'] as const
const CONTAINER = ['cluster', 'namespace', 'pod', 'container'] as const
const NODE = ['cluster', 'node'] as const

/** One number for each selected cluster. */
export const wholeCluster: Granularity = { each: 'cluster', scope: inCluster, by: ['cluster'], keys: [] }
export const perNamespace: Granularity = { each: 'namespace', scope: inCluster, by: NAMESPACE, keys: namespaceKeys() }
/** One number for each selected namespace. */
export const wholeNamespace: Granularity = {
  each: 'namespace',
  scope: inNamespace,
  by: NAMESPACE,
  keys: namespaceKeys(),
}
export const perPod: Granularity = { each: 'pod', scope: inNamespace, by: POD, keys: podKeys() }
export const perWorkload: Granularity = { each: 'workload', scope: ofType, by: WORKLOAD, keys: workloadKeys() }
/** The pods of the selected workloads. */
export const perPodOfWorkload: Granularity = { each: 'pod', scope: inWorkload, by: POD, keys: podKeys() }
export const perPodOfNode: Granularity = { each: 'pod', scope: onNode, by: POD, keys: podKeys() }
export const perContainer: Granularity = { each: 'container', scope: inPod, by: CONTAINER, keys: containerKeys() }
/** One number for each selected pod. */
export const wholePod: Granularity = { each: 'pod', scope: inPod, by: POD, keys: podKeys() }
export const perNode: Granularity = { each: 'node', scope: inCluster, by: NODE, keys: nodeKeys() }
/** The selected nodes. */
export const selectedNodes: Granularity = { each: 'node', scope: onNode, by: NODE, keys: nodeKeys() }

/** The same rows, with links to the network dashboards. */
export const networkPerNamespace: Granularity = {
  ...perNamespace,
  keys: namespaceKeys([toNetworkNamespacePods, toNetworkNamespaceWorkloads]),
}
export const networkPerPod: Granularity = { ...perPod, keys: podKeys(toNetworkPod) }
export const networkPerWorkload: Granularity = { ...perWorkload, keys: workloadKeys(toNetworkWorkload) }
