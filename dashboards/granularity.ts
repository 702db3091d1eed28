import type { Dimension } from '../lib/checks/verify/query-expectations.ts'
import { toNetworkNamespacePods, toNetworkNamespaceWorkloads, toNetworkPod, toNetworkWorkload } from './links.ts'
import type { Key } from './panel-builders.ts'
import { inCluster, inNamespace, inPod, inWorkload, ofType, onNode, type Scope } from './queries/scope.ts'
import { containerKeys, namespaceKeys, nodeKeys, podKeys, workloadKeys } from './table-keys.ts'

/** What a dashboard shows one line, bar or table row of. */
export interface Grain {
  /** In the singular, for descriptions. */
  each: string
  scope: Scope
  by: readonly Dimension[]
  /** The label columns of its tables. */
  keys: readonly Key[]
}

const NAMESPACE = ['cluster', 'namespace'] as const
const POD = ['cluster', 'namespace', 'pod'] as const
const WORKLOAD = ['cluster', 'namespace', 'workload_type', 'workload'] as const
const CONTAINER = ['cluster', 'namespace', 'pod', 'container'] as const
const NODE = ['cluster', 'node'] as const

/** All of the chosen clusters together, each as one. */
export const wholeCluster: Grain = { each: 'cluster', scope: inCluster, by: ['cluster'], keys: [] }
export const perNamespace: Grain = { each: 'namespace', scope: inCluster, by: NAMESPACE, keys: namespaceKeys() }
/** The chosen namespaces, each as one. */
export const wholeNamespace: Grain = { each: 'namespace', scope: inNamespace, by: NAMESPACE, keys: namespaceKeys() }
export const perPod: Grain = { each: 'pod', scope: inNamespace, by: POD, keys: podKeys() }
export const perWorkload: Grain = { each: 'workload', scope: ofType, by: WORKLOAD, keys: workloadKeys() }
/** The pods of the chosen workloads. */
export const perPodOfWorkload: Grain = { each: 'pod', scope: inWorkload, by: POD, keys: podKeys() }
/** The chosen workloads, each as one. */
export const wholeWorkload: Grain = { each: 'workload', scope: inWorkload, by: WORKLOAD, keys: workloadKeys() }
export const perPodOfNode: Grain = { each: 'pod', scope: onNode, by: POD, keys: podKeys() }
export const perContainer: Grain = { each: 'container', scope: inPod, by: CONTAINER, keys: containerKeys() }
/** The chosen pods, each as one. */
export const wholePod: Grain = { each: 'pod', scope: inPod, by: POD, keys: podKeys() }
export const perNode: Grain = { each: 'node', scope: inCluster, by: NODE, keys: nodeKeys() }
/** The chosen nodes. */
export const chosenNodes: Grain = { each: 'node', scope: onNode, by: NODE, keys: nodeKeys() }

/** The same rows, with links that stay among the network dashboards. */
export const networkPerNamespace: Grain = {
  ...perNamespace,
  keys: namespaceKeys([toNetworkNamespacePods(), toNetworkNamespaceWorkloads()]),
}
export const networkPerPod: Grain = { ...perPod, keys: podKeys(toNetworkPod()) }
export const networkPerWorkload: Grain = { ...perWorkload, keys: workloadKeys(toNetworkWorkload()) }
