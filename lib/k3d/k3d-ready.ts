import { type ClusterTruth, measureMissing, readTruth } from '../kwok/lab-ready.ts'
import type { Lab } from '../lab/lab.ts'
import { query } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { waitUntil } from '../system/wait.ts'
import { labNamespace } from './agreement.ts'

/** A series of every running container. */
const CONTAINER_SERIES = 'container_cpu_time_seconds_total'

/**
 * Waits until Prometheus has fresh series of every node and every running pod, with the node's name, and a container series of every node
 * with pods. Returns the nodes and pods.
 *
 * Throws a LabError with the first missing series and the command that prints the collectors' logs.
 */
export async function waitUntilCollected(lab: Lab): Promise<ClusterTruth> {
  const intervalMs = lab.settings.collectionInterval
  const freshMs = 2 * intervalMs + 5_000
  const logs = `kubectl --context ${lab.context} -n ${labNamespace} logs -l app.kubernetes.io/instance=otel-lab-daemonset`
  return await waitUntil<ClusterTruth>({
    what: 'fresh metrics of every node, pod and container',
    timeoutMs: 120_000 + 6 * intervalMs,
    everyMs: 1_000,
    check: async () => {
      const truth = await readTruth(lab)
      const [{ nodes, pods, misplacedPods }, containers] = await Promise.all([
        measureMissing(lab, truth, freshMs),
        nodesWithContainers(lab, freshMs),
      ])
      const bare = [...new Set(truth.runningPods.values())].filter(node => !containers.has(node))
      const missing = [
        ...nodes.map(node => `node ${node}`),
        ...pods.map(pod => `pod ${pod}`),
        ...misplacedPods.map(pod => `pod ${pod} (its series have another node)`),
        ...bare.map(node => `the containers of node ${node}`),
      ]
      if (missing.length === 0 && truth.nodes.size > 0) return { done: truth }
      const more = missing.length > 3 ? ` and ${missing.length - 3} more` : ''
      return { pending: `missing: ${missing.slice(0, 3).join(', ') || 'every node'}${more}` }
    },
    progress: 'Metrics',
    next: `${logs}; if it reports certificate errors, KUBELET_INSECURE_TLS=true skips the check of the kubelets' certificates`,
  })
}

async function nodesWithContainers(lab: Lab, freshMs: number): Promise<Set<string | undefined>> {
  const series = `${CONTAINER_SERIES}{k8s_cluster_name="${lab.settings.clusterName}"}`
  const fresh = `count by (k8s_node_name) (timestamp(${series}) > time() - ${freshMs / 1_000})`
  return new Set((await query(prometheusUrl(lab), fresh)).map(({ labels }) => labels['k8s_node_name']))
}
