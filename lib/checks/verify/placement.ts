import type { PrometheusApi, Sample } from '../../prometheus/prometheus-client.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import type { Mismatch } from './compare-values.ts'

/** Which pod is on which node, as every series says that has both; without the metrics' names, or the answer would be too long. */
export function placementQuery(clusterName: string): string {
  const series = `{k8s_cluster_name="${clusterName}", k8s_pod_name!="", k8s_node_name!=""}`
  return `count by (k8s_namespace_name, k8s_pod_name, k8s_node_name) (${series})`
}

/**
 * The series that put a pod on a node where it isn't. A name that several pods bear in turn, as a StatefulSet's, is looked
 * up by namespace and name; pods that the API doesn't have any more are no matter of this.
 */
export function misplaced(samples: readonly Sample[], snapshot: ClusterSnapshot): Mismatch[] {
  const nodeOf = new Map(snapshot.pods.map(({ namespace, name, node }) => [`${namespace}/${name}`, node]))
  return samples.flatMap(({ labels, value }) => {
    const pod = `${labels['k8s_namespace_name']}/${labels['k8s_pod_name']}`
    const [said, node] = [labels['k8s_node_name'] ?? '', nodeOf.get(pod)]
    if (node === undefined || node === '' || node === said) return []
    return [{ where: `pod ${pod}, ${value} series`, got: `k8s_node_name=${said}`, expected: `k8s_node_name=${node}` }]
  })
}

/** Up to three metrics that put pods on a wrong node, for a message. */
export async function metricsOn(api: PrometheusApi, where: Mismatch, timeMs: number): Promise<string[]> {
  const [, namespace, name] = /^pod (.*?)\/(.*?),/.exec(where.where) ?? []
  const node = where.got.replace('k8s_node_name=', '')
  const series = `{k8s_namespace_name="${namespace}", k8s_pod_name="${name}", k8s_node_name="${node}"}`
  const samples = await api.instant(`topk(3, count by (__name__) (${series}))`, timeMs)
  return samples.map(({ labels }) => labels['__name__'] ?? '')
}
