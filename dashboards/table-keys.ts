import { type DrillDownLink, toNamespacePods, toNamespaceWorkloads, toNodePods, toPod, toWorkload } from './links.ts'
import type { TableKey } from './panel-builders.ts'

/** The label columns of tables. The cluster is last, because most labs have one. */
const clusterKey: TableKey = { label: 'k8s_cluster_name', name: 'Cluster' }

/** The links of a namespace: to its pods or its workloads. */
const intoNamespace = () => [toNamespacePods, toNamespaceWorkloads]
const namespaceKey = (links: readonly DrillDownLink[]): TableKey => ({
  label: 'k8s_namespace_name',
  name: 'Namespace',
  links,
})

/** Rows of namespaces. */
export function namespaceKeys(links: readonly DrillDownLink[] = intoNamespace()): TableKey[] {
  return [namespaceKey(links), clusterKey]
}

/** Rows of workloads. */
export function workloadKeys(link: DrillDownLink = toWorkload): TableKey[] {
  return [
    { label: 'workload', name: 'Workload', links: [link] },
    { label: 'workload_type', name: 'Type' },
    namespaceKey(intoNamespace()),
    clusterKey,
  ]
}

/** Rows of pods. */
export function podKeys(link: DrillDownLink = toPod): TableKey[] {
  return [{ label: 'k8s_pod_name', name: 'Pod', links: [link] }, namespaceKey(intoNamespace()), clusterKey]
}

/** Rows of containers. */
export function containerKeys(): TableKey[] {
  return [{ label: 'k8s_container_name', name: 'Container' }, ...podKeys()]
}

/** Rows of nodes. */
export function nodeKeys(): TableKey[] {
  return [{ label: 'k8s_node_name', name: 'Node', links: [toNodePods] }, clusterKey]
}
