import { goDuration, intervalFor, makeCommand } from '../cli/settings.ts'
import { kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { query, type Sample } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { waitUntil } from '../system/wait.ts'

/** The nodes of a cluster and the pods that run on each, as the API tells. */
export interface ClusterTruth {
  nodes: ReadonlySet<string>
  /** `<namespace>/<name>` of each running pod, with its node. */
  runningPods: ReadonlyMap<string, string>
}

/** What of the truth Prometheus does not hold yet, or holds otherwise. */
export interface Missing {
  nodes: string[]
  pods: string[]
  /** Pods whose fresh series name another node than the API does, or more than one. */
  misplacedPods: string[]
}

/** The node series and pod series that say that somebody was measured. */
const NODE_SERIES = 'k8s_node_cpu_time_seconds_total'
const POD_SERIES = 'k8s_pod_cpu_time_seconds_total'

/** Compares what Prometheus holds with the API's truth. Samples are those of node series and of pod series. */
export function findMissing(
  truth: ClusterTruth,
  nodeSamples: readonly Sample[],
  podSamples: readonly Sample[],
): Missing {
  const measuredNodes = new Set(nodeSamples.map(({ labels }) => labels['k8s_node_name']))
  const nodesOf = new Map<string, Set<string>>()
  for (const { labels } of podSamples) {
    const key = `${labels['k8s_namespace_name']}/${labels['k8s_pod_name']}`
    nodesOf.set(key, (nodesOf.get(key) ?? new Set()).add(labels['k8s_node_name'] ?? ''))
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

/** Asks the API for the nodes and the running pods. */
export async function readTruth(lab: Lab): Promise<ClusterTruth> {
  const pods = '{range .items[*]}{.metadata.namespace}/{.metadata.name} {.spec.nodeName}{"\\n"}{end}'
  const [nodeList, podList] = await Promise.all([
    kubectl(lab, ['get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}']),
    kubectl(lab, ['get', 'pods', '-A', '--field-selector', 'status.phase=Running', '-o', `jsonpath=${pods}`]),
  ])
  const lines = (text: string) => text.split('\n').filter(line => line !== '')
  return {
    nodes: new Set(lines(nodeList.stdout)),
    runningPods: new Map(
      lines(podList.stdout).map(line => {
        const [key = '', node = ''] = line.split(' ')
        return [key, node]
      }),
    ),
  }
}

/** What Prometheus lacks of the truth now. Only samples younger than `freshMs` count. */
export async function measureMissing(lab: Lab, truth: ClusterTruth, freshMs: number): Promise<Missing> {
  const fresh = (series: string) =>
    `timestamp(${series}{k8s_cluster_name="${lab.settings.clusterName}"}) > time() - ${freshMs / 1000}`
  const [nodes, pods] = await Promise.all([
    query(prometheusUrl(lab), fresh(NODE_SERIES)),
    query(prometheusUrl(lab), fresh(POD_SERIES)),
  ])
  return findMissing(truth, nodes, pods)
}

/**
 * Waits until every node and every running pod has a fresh series under its own node's name, and gives the truth that was
 * reached. The time it may take grows with the number of pods.
 *
 * Throws a LabError that names the first that lack.
 */
export async function waitUntilMeasured(lab: Lab, { timeoutMs }: { timeoutMs?: number } = {}): Promise<ClusterTruth> {
  const intervalMs = lab.settings.collectionInterval
  const freshMs = 2 * intervalMs + 5_000
  let pods = 0
  return await waitUntil<ClusterTruth>({
    what: 'fresh metrics of every node and pod',
    timeoutMs: () => timeoutMs ?? 60_000 + 6 * intervalMs + pods * 10,
    // Looking costs what it waits for: with ten thousand pods, all the time of one core.
    everyMs: checkMs => Math.max(1_000, 4 * checkMs),
    check: async () => {
      const truth = await readTruth(lab)
      pods = truth.runningPods.size
      const missing = await measureMissing(lab, truth, freshMs)
      const first = [...missing.nodes, ...missing.pods, ...missing.misplacedPods].slice(0, 3).join(', ')
      return first === '' ? { done: truth } : { pending: `${describeMissing(missing)}; the first: ${first}` }
    },
    progress: 'Metrics',
    next: () => nextStep(lab, pods),
  })
}

/** A machine that can't keep up is the likeliest cause where many pods are collected from often. */
function nextStep({ settings: { clusterName, collectionInterval } }: Lab, pods: number): string {
  const status = `${makeCommand('kwok-status', clusterName)}, and read the log of a part that is down`
  const slowerMs = intervalFor(pods)
  if (slowerMs <= collectionInterval) return status
  const slower = `${makeCommand('kwok-down', clusterName)}, then make kwok with COLLECTION_INTERVAL=${goDuration(slowerMs)}`
  return `${status}; if all are up, ${pods} pods every ${goDuration(collectionInterval)} may be more than this machine takes: ${slower}`
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
