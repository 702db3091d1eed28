import { orNone, type PrometheusApi, QueryError, type Sample } from '../../prometheus/prometheus-client.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import { kubePrometheusLabels, labelOfDimension } from './dimensions.ts'
import type { Reading } from './pass-criteria.ts'
import type { Missing, Prerequisite } from './prerequisites.ts'
import type { DashboardCheck } from './verify-dashboard.ts'
import { type Failure, otherFailure, otherResult } from './verify-report.ts'

/** The title under which wrong nodes of pods are reported. */
export const PLACEMENT = "Pods' series"

/** The series with the node of their pod, by the prerequisite that provides them. */
const SERIES = [
  {
    needs: 'otel-metrics',
    labels: labelOfDimension,
    matchers: '',
    fix: 'see which processor of the collector sets k8s.node.name',
  },
  {
    needs: 'kube-prometheus-metrics',
    labels: kubePrometheusLabels,
    // One metric of each source: all of them would be a hundred series a pod.
    matchers: '__name__=~"kube_pod_info|container_memory_working_set_bytes|prober_probe_total", ',
    fix: 'see the relabelings of its scrape job',
  },
] as const satisfies { needs: Prerequisite; [field: string]: unknown }[]
type PodSeries = (typeof SERIES)[number]

/**
 * Checks that all series of a pod have the node that the pod has in the API. A pod is found by namespace and name,
 * because a StatefulSet reuses names. Deleted pods are ignored.
 */
export async function checkPlacement(api: PrometheusApi, first: Reading, missing: Missing): Promise<DashboardCheck> {
  const measured = SERIES.filter(({ needs }) => !missing.has(needs))
  const check = async (reading: Reading) =>
    (await Promise.all(measured.map(series => placementFailures(api, reading, series)))).flat()
  let failures = await check(first)
  return {
    failures: () => failures,
    mayPassLater: () => failures.length > 0,
    async retry(reading) {
      failures = await check(reading)
    },
    result() {
      const ok = measured.length - failures.length
      return otherResult(PLACEMENT, { queries: measured.length, ok, compared: ok, failed: failures.length })
    },
  }
}

async function placementFailures(
  api: PrometheusApi,
  { states, untilMs }: Reading,
  { labels, matchers, fix }: PodSeries,
): Promise<Failure[]> {
  if (states === undefined) return []
  const { snapshot } = states.now
  // Without metric names, which would make the answer too large.
  const { cluster, namespace, pod, node } = labels
  const series = `{${matchers}${cluster}="${snapshot.clusterName}", ${pod}!="", ${node}!=""}`
  const query = `count by (${namespace}, ${pod}, ${node}) (${series})`
  const failure = (problem: Failure['problem'], got: string, expected: string, hint: string) =>
    otherFailure(PLACEMENT, { panel: 'node of each pod', problem, query, got, expected, hint })
  try {
    const wrong = podsOnWrongNode(await api.instant(query, untilMs), snapshot, labels)
    const [first] = wrong
    if (first === undefined) return []
    const names = await metricsOnNode(api, first, untilMs, labels)
    const more = wrong.length > 1 ? `; and ${wrong.length - 1} more pods` : ''
    const where = `pod ${first.namespace}/${first.pod}, ${first.count} series: ${node}=`
    const hint = `among them ${names.join(', ')}: ${fix}`
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

function podsOnWrongNode(
  samples: readonly Sample[],
  snapshot: ClusterSnapshot,
  { namespace: ofNamespace, pod: ofPod, node: ofNode }: PodSeries['labels'],
): WrongNode[] {
  const nodeOf = new Map(snapshot.pods.map(({ namespace, name, node }) => [`${namespace}/${name}`, node]))
  return samples.flatMap(({ labels, value: count }) => {
    const { [ofNamespace]: namespace = '', [ofPod]: pod = '', [ofNode]: labeled = '' } = labels
    const node = nodeOf.get(`${namespace}/${pod}`) ?? ''
    return node === '' || node === labeled ? [] : [{ namespace, pod, count, labeled, node }]
  })
}

/** Up to three metrics with the wrong node. */
async function metricsOnNode(
  api: PrometheusApi,
  { namespace, pod, labeled }: WrongNode,
  timeMs: number,
  labels: PodSeries['labels'],
) {
  const series = `{${labels.namespace}="${namespace}", ${labels.pod}="${pod}", ${labels.node}="${labeled}"}`
  const samples = await orNone(api.instant(`topk(3, count by (__name__) (${series}))`, timeMs))
  return (samples ?? []).map(({ labels }) => labels['__name__'] ?? '')
}
