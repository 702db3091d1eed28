import { goDuration, intervalFor, makeCommand } from '../cli/settings.ts'
import { fields } from '../kube/json.ts'
import { isSimulated } from '../kubelet/shards/shard-owner.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, statusCommand } from '../lab/lab.ts'
import { hasOtelMetrics, hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { query, type Sample } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { waitUntil } from '../system/wait.ts'

/** The nodes and running pods of a cluster, from the Kubernetes API. */
export interface ClusterTruth {
  nodes: ReadonlySet<string>
  /** `<namespace>/<name>` of each running pod, with its node. */
  runningPods: ReadonlyMap<string, string>
}

/** Nodes and pods whose metrics in Prometheus are missing or wrong. */
export interface Missing {
  nodes: string[]
  pods: string[]
  /** Pods whose fresh series have another node than the API, or several nodes. */
  misplacedPods: string[]
}

/** Series of every measured node and of every measured pod, and their labels. */
interface MeasuredSeries {
  nodes: string
  pods: string
  labels: { nodeOfNodes: string; namespace: string; pod: string; node: string }
}

/** By the collector. */
const otelSeries: MeasuredSeries = {
  nodes: 'k8s_node_cpu_time_seconds_total{k8s_cluster_name="$cluster"}',
  pods: 'k8s_pod_cpu_time_seconds_total{k8s_cluster_name="$cluster"}',
  labels: {
    nodeOfNodes: 'k8s_node_name',
    namespace: 'k8s_namespace_name',
    pod: 'k8s_pod_name',
    node: 'k8s_node_name',
  },
}

const podLabels = { namespace: 'namespace', pod: 'pod', node: 'node' }
const CADVISOR = 'cluster="$cluster", job="kubelet", metrics_path="/metrics/cadvisor"'

/** By the kubelets. */
const kubeletSeries: MeasuredSeries = {
  nodes: `container_cpu_usage_seconds_total{${CADVISOR}, id="/"}`,
  pods: `container_cpu_usage_seconds_total{${CADVISOR}, pod!="", container=""}`,
  labels: { nodeOfNodes: 'node', ...podLabels },
}

/** By node exporters and kube-state-metrics. */
const stateSeries: MeasuredSeries = {
  nodes: 'node_uname_info{cluster="$cluster"}',
  pods: 'kube_pod_info{cluster="$cluster"}',
  labels: { nodeOfNodes: 'nodename', ...podLabels },
}

/** Compares samples of node series and pod series with the API. */
export function findMissing(
  truth: ClusterTruth,
  nodeSamples: readonly Sample[],
  podSamples: readonly Sample[],
  labelNames = otelSeries.labels,
): Missing {
  const measuredNodes = new Set(nodeSamples.map(({ labels }) => labels[labelNames.nodeOfNodes]))
  const nodesOf = new Map<string, Set<string>>()
  for (const { labels } of podSamples) {
    const key = `${labels[labelNames.namespace]}/${labels[labelNames.pod]}`
    nodesOf.set(key, (nodesOf.get(key) ?? new Set()).add(labels[labelNames.node] ?? ''))
  }
  const pods = [...truth.runningPods]
  return {
    nodes: [...truth.nodes].filter(node => !measuredNodes.has(node)),
    pods: pods.filter(([key]) => !nodesOf.has(key)).map(([key]) => key),
    misplacedPods: pods
      .filter(([key, node]) => {
        const measured = nodesOf.get(key)
        return measured !== undefined && (measured.size !== 1 || !measured.has(node))
      })
      .map(([key]) => key),
  }
}

/** Reads nodes and running pods from the API. Of a cluster with real and simulated nodes, the lab measures the simulated ones. */
export async function readTruth(lab: Lab): Promise<ClusterTruth> {
  const [all, pods] = await Promise.all([
    getCollection(lab, '/api/v1/nodes'),
    getCollection(lab, '/api/v1/pods?fieldSelector=status.phase%3DRunning'),
  ])
  const simulated = all.filter(isSimulated)
  const nodes = new Set(
    (simulated.length > 0 ? simulated : all).map(({ metadata }) => String(fields(metadata)['name'])),
  )
  const running = pods.map(pod => {
    const { namespace, name } = fields(pod['metadata'])
    return [`${namespace}/${name}`, String(fields(pod['spec'])['nodeName'])] as const
  })
  return { nodes, runningPods: new Map(running.filter(([, node]) => nodes.has(node))) }
}

/** Queries Prometheus for what is missing now. Only samples younger than `freshMs` count. */
export async function measureMissing(lab: Lab, truth: ClusterTruth, freshMs: number): Promise<Missing> {
  const fresh = async (series: string) => {
    const selected = series.replaceAll('$cluster', lab.settings.clusterName)
    return await query(prometheusUrl(lab), `timestamp(${selected}) > time() - ${freshMs / 1000}`)
  }
  const measured = [
    ...(hasOtelMetrics(lab) ? [otelSeries] : []),
    ...(hasPrometheusMetrics(lab) ? [kubeletSeries, stateSeries] : []),
  ].map(async ({ nodes, pods, labels }) => {
    const [nodeSamples, podSamples] = await Promise.all([fresh(nodes), fresh(pods)])
    return findMissing(truth, nodeSamples, podSamples, labels)
  })
  const all = await Promise.all(measured)
  const unique = (names: string[]) => [...new Set(names)]
  return {
    nodes: unique(all.flatMap(each => each.nodes)),
    pods: unique(all.flatMap(each => each.pods)),
    misplacedPods: unique(all.flatMap(each => each.misplacedPods)),
  }
}

/**
 * Waits until every node and every running pod has a fresh series with its node's name, and returns the nodes and pods. The time limit grows
 * with the number of pods. `next` is the next step on time-out.
 *
 * Throws a LabError with the first nodes and pods without one.
 */
export async function waitUntilMeasured(
  lab: Lab,
  { timeoutMs, next }: { timeoutMs?: number; next?: string } = {},
): Promise<ClusterTruth> {
  const intervalMs = lab.settings.collectionInterval
  const freshMs = 2 * intervalMs + 5_000
  let pods = 0
  let read: { truth: ClusterTruth; atMs: number } | undefined
  return await waitUntil<ClusterTruth>({
    what: 'fresh metrics of every node and pod',
    timeoutMs: () => timeoutMs ?? 60_000 + 6 * intervalMs + pods * 10,
    // With ten thousand pods, continuous checks would use one core. Each interval brings new samples.
    everyMs: checkMs => Math.min(Math.max(1_000, 4 * checkMs), intervalMs),
    check: async () => {
      // Ten thousand pods are 58 MB of JSON.
      if (read === undefined || Date.now() - read.atMs > intervalMs)
        read = { truth: await readTruth(lab), atMs: Date.now() }
      const { truth } = read
      pods = truth.runningPods.size
      if (truth.nodes.size === 0) return { pending: 'the cluster has no nodes' }
      const missing = await measureMissing(lab, truth, freshMs)
      const first = [...missing.nodes, ...missing.pods, ...missing.misplacedPods].slice(0, 3).join(', ')
      return first === '' ? { done: truth } : { pending: `${describeMissing(missing)}; the first: ${first}` }
    },
    progress: 'Metrics',
    next: () => next ?? nextStep(lab, pods),
  })
}

/** With many pods and a short interval, the likely cause is a machine that is too slow. */
function nextStep(lab: Lab, pods: number): string {
  const { clusterName, collectionInterval } = lab.settings
  if (lab.kind === 'context') return statusCommand(lab)
  const status = `${makeCommand('kwok-status', clusterName)}, and read the log of a service that is down`
  const slowerMs = intervalFor(pods)
  if (slowerMs <= collectionInterval) return status
  const slower = `${makeCommand('kwok-down', clusterName)}, then make kwok with COLLECTION_INTERVAL=${goDuration(slowerMs)}`
  return `${status}; if all are up, ${pods} pods every ${goDuration(collectionInterval)} may be too much for this machine: ${slower}`
}

function describeMissing({ nodes, pods, misplacedPods }: Missing): string {
  const parts = [
    [nodes.length, 'nodes without fresh metrics'],
    [pods.length, 'pods without fresh metrics'],
    [misplacedPods.length, 'pods measured on another node'],
  ] as const
  return parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ')
}
