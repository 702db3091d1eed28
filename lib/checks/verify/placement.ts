import type { PrometheusApi, Sample } from '../../prometheus/prometheus-client.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import type { Mismatch } from './compare-values.ts'

/**
 * The nodes of each pod, by all series with both labels. Without metric names, which would make the answer too large.
 */
export function placementQuery(clusterName: string): string {
  const series = `{k8s_cluster_name="${clusterName}", k8s_pod_name!="", k8s_node_name!=""}`
  return `count by (k8s_namespace_name, k8s_pod_name, k8s_node_name) (${series})`
}

/**
 * The pods whose series have another node than the API. A pod is found by namespace and name, because a StatefulSet
 * reuses names. Deleted pods are ignored.
 */
export function podsOnWrongNode(samples: readonly Sample[], snapshot: ClusterSnapshot): Mismatch[] {
  const nodeOf = new Map(snapshot.pods.map(({ namespace, name, node }) => [`${namespace}/${name}`, node]))
  return samples.flatMap(({ labels, value }) => {
    const pod = `${labels['k8s_namespace_name']}/${labels['k8s_pod_name']}`
    const [labeled, node] = [labels['k8s_node_name'] ?? '', nodeOf.get(pod)]
    if (node === undefined || node === '' || node === labeled) return []
    return [
      { where: `pod ${pod}, ${value} series`, got: `k8s_node_name=${labeled}`, expected: `k8s_node_name=${node}` },
    ]
  })
}

/** Up to three metrics with the wrong node, for a message. */
export async function metricsOnNode(api: PrometheusApi, where: Mismatch, timeMs: number): Promise<string[]> {
  const [, namespace, name] = /^pod (.*?)\/(.*?),/.exec(where.where) ?? []
  const node = where.got.replace('k8s_node_name=', '')
  const series = `{k8s_namespace_name="${namespace}", k8s_pod_name="${name}", k8s_node_name="${node}"}`
  const samples = await api.instant(`topk(3, count by (__name__) (${series}))`, timeMs)
  return samples.map(({ labels }) => labels['__name__'] ?? '')
}
