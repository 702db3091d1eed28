import { type Drill, toNamespacePods, toNodePods, toPod, toWorkload } from './links.ts'
import type { Key } from './look.ts'

/** The label columns of the tables. The cluster stands last, as most screens show one. */
const clusterKey: Key = { label: 'k8s_cluster_name', name: 'Cluster' }

const namespaceKey = (link: Drill): Key => ({ label: 'k8s_namespace_name', name: 'Namespace', link })

/** Rows of namespaces. */
export function namespaceKeys(link: Drill = toNamespacePods()): Key[] {
  return [namespaceKey(link), clusterKey]
}

/** Rows of workloads. */
export function workloadKeys(link: Drill = toWorkload()): Key[] {
  return [
    { label: 'workload', name: 'Workload', link },
    { label: 'workload_type', name: 'Type' },
    namespaceKey(toNamespacePods()),
    clusterKey,
  ]
}

/** Rows of pods. */
export function podKeys(link: Drill = toPod()): Key[] {
  return [{ label: 'k8s_pod_name', name: 'Pod', link }, namespaceKey(toNamespacePods()), clusterKey]
}

/** Rows of containers. */
export function containerKeys(): Key[] {
  return [{ label: 'k8s_container_name', name: 'Container' }, ...podKeys()]
}

/** Rows of nodes. */
export function nodeKeys(): Key[] {
  return [{ label: 'k8s_node_name', name: 'Node', link: toNodePods() }, clusterKey]
}
