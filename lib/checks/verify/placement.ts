import { orNone, type PrometheusApi, QueryError, type Sample } from '../../prometheus/prometheus-client.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import type { Reading } from './pass-criteria.ts'
import type { DashboardCheck } from './verify-dashboard.ts'
import { type Failure, otherResult } from './verify-report.ts'

/** The title under which wrong nodes of pods are reported. */
export const PLACEMENT = "Pods' series"

/**
 * Checks that all series of a pod have the node that the pod has in the API. A pod is found by namespace and name,
 * because a StatefulSet reuses names. Deleted pods are ignored.
 */
export async function checkPlacement(api: PrometheusApi, first: Reading): Promise<DashboardCheck> {
  let failures = await placementFailures(api, first)
  return {
    get failures() {
      return failures
    },
    get mayPassLater() {
      return failures.length > 0
    },
    async retry(reading) {
      failures = await placementFailures(api, reading)
    },
    result() {
      const ok = failures.length === 0 ? 1 : 0
      return otherResult(PLACEMENT, { queries: 1, ok, compared: ok, failed: failures.length })
    },
  }
}

async function placementFailures(api: PrometheusApi, { states, untilMs }: Reading): Promise<Failure[]> {
  if (states === undefined) return []
  const { snapshot } = states.now
  // Without metric names, which would make the answer too large.
  const series = `{k8s_cluster_name="${snapshot.clusterName}", k8s_pod_name!="", k8s_node_name!=""}`
  const query = `count by (k8s_namespace_name, k8s_pod_name, k8s_node_name) (${series})`
  const failure = (problem: Failure['problem'], got: string, expected: string, hint: string): Failure => {
    const place = { panel: 'node of each pod', panelId: undefined, refId: '', choice: '' }
    return { dashboard: PLACEMENT, source: PLACEMENT, ...place, problem, query, got, expected, hint }
  }
  try {
    const wrong = podsOnWrongNode(await api.instant(query, untilMs), snapshot)
    const [first] = wrong
    if (first === undefined) return []
    const names = await metricsOnNode(api, first, untilMs)
    const more = wrong.length > 1 ? `; and ${wrong.length - 1} more pods` : ''
    const where = `pod ${first.namespace}/${first.pod}, ${first.count} series: k8s_node_name=`
    const hint = `among them ${names.join(', ')}: see which processor of the collector sets k8s.node.name`
    return [failure('wrong node', `${where}${first.labeled}${more}`, `${where}${first.node}`, hint)]
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    return [failure('error', error.why, 'an answer', '')]
  }
}

interface WrongNode {
  namespace: string
  pod: string
  /** The number of series with the wrong node. */
  count: number
  /** The node in the series' label. */
  labeled: string
  node: string
}

function podsOnWrongNode(samples: readonly Sample[], snapshot: ClusterSnapshot): WrongNode[] {
  const nodeOf = new Map(snapshot.pods.map(({ namespace, name, node }) => [`${namespace}/${name}`, node]))
  return samples.flatMap(({ labels, value: count }) => {
    const { k8s_namespace_name: namespace = '', k8s_pod_name: pod = '', k8s_node_name: labeled = '' } = labels
    const node = nodeOf.get(`${namespace}/${pod}`) ?? ''
    return node === '' || node === labeled ? [] : [{ namespace, pod, count, labeled, node }]
  })
}

/** Up to three metrics with the wrong node. */
async function metricsOnNode(api: PrometheusApi, { namespace, pod, labeled }: WrongNode, timeMs: number) {
  const series = `{k8s_namespace_name="${namespace}", k8s_pod_name="${pod}", k8s_node_name="${labeled}"}`
  const samples = await orNone(api.instant(`topk(3, count by (__name__) (${series}))`, timeMs))
  return (samples ?? []).map(({ labels }) => labels['__name__'] ?? '')
}
