/** What Prometheus has of a lab's nodes and pods, and what the API has. */
import assert from 'node:assert/strict'
import { fields, items, text } from '../../lib/kube/json.ts'
import { parseQuantity } from '../../lib/kube/quantity.ts'
import type { Sample } from '../../lib/prometheus/prometheus-client.ts'
import { assertSameWords, type TestLab, waitFor } from './lab.ts'
import { INTERVAL_MS } from './shared-lab.ts'

/** Two collections, and the time for batching and sending. */
const FRESH_MS = 2 * INTERVAL_MS + 3_000
/** The time in which a changed lab must be measured completely. */
export const SETTLED_MS = 60_000

export interface RunningPod {
  /** `<namespace>/<name>` */
  key: string
  node: string
  containers: string[]
  /** In cores; no limit is as much as the node has. */
  cpuLimit: number
  /** The result of `namesOf` for its labels. */
  names: string
}

/** The labels of a pod's node and owners as one word, so that a missing or surplus label is a difference. */
export function namesOf(labels: Readonly<Record<string, string>>): string {
  return ['node', 'deployment', 'replicaset', 'statefulset', 'daemonset', 'job']
    .flatMap(kind => (labels[`k8s_${kind}_name`] === undefined ? [] : [`${kind}=${labels[`k8s_${kind}_name`]}`]))
    .join(' ')
}

/** The truth, from the API. */
export async function readCluster(lab: TestLab): Promise<{ nodes: string[]; pods: RunningPod[] }> {
  const list = async (path: string) => items(fields(await lab.get(path))['items']).map(fields)
  const [nodes, replicaSets, pods] = await Promise.all([
    list('/api/v1/nodes'),
    list('/apis/apps/v1/replicasets'),
    list('/api/v1/pods?fieldSelector=status.phase%3DRunning'),
  ])
  const deploymentOf = new Map(replicaSets.map(object => [keyOfObject(object), ownerOf(object).name]))
  return {
    nodes: nodes.map(node => text(fields(node['metadata'])['name']) ?? '').sort(),
    pods: pods.map(pod => {
      const spec = fields(pod['spec'])
      const node = text(spec['nodeName']) ?? ''
      const { kind, name } = ownerOf(pod)
      const namespace = text(fields(pod['metadata'])['namespace'])
      const names: Record<string, string> = { k8s_node_name: node }
      if (kind !== '') names[`k8s_${kind.toLowerCase()}_name`] = name
      if (kind === 'ReplicaSet') names['k8s_deployment_name'] = deploymentOf.get(`${namespace}/${name}`) ?? ''
      const containers = items(spec['containers']).map(fields)
      const limits = containers.map(container => fields(fields(container['resources'])['limits'])['cpu'])
      return {
        key: keyOfObject(pod),
        node,
        names: namesOf(names),
        containers: containers.map(container => text(container['name']) ?? ''),
        cpuLimit: limits.reduce<number>((sum, limit) => sum + (parseQuantity(String(limit ?? '8')) ?? 0), 0),
      }
    }),
  }
}

function keyOfObject(object: Record<string, unknown>): string {
  const { namespace, name } = fields(object['metadata'])
  return `${namespace}/${name}`
}

function ownerOf(object: Record<string, unknown>): { kind: string; name: string } {
  const [owner] = items(fields(object['metadata'])['ownerReferences'])
  return { kind: text(fields(owner)['kind']) ?? '', name: text(fields(owner)['name']) ?? '' }
}

/** Waits until Prometheus holds just the nodes and running pods that the API knows, each once and in its place. */
export async function assertMeasured(lab: TestLab, counts: { nodes: number; labPods: number }): Promise<void> {
  await waitFor(
    'agreement of Prometheus and API',
    async () => {
      const { nodes, pods } = await readCluster(lab)
      assert.equal(nodes.length, counts.nodes)
      assert.equal(pods.filter(pod => pod.key.startsWith('team-')).length, counts.labPods)
      const measuredNodes = (await fresh(lab, 'k8s_node_cpu_time_seconds_total')).map(nodeOf)
      assertSameWords(measuredNodes, nodes, 'measured nodes')
      const places = (await fresh(lab, 'k8s_pod_cpu_time_seconds_total')).map(
        sample => `${podOf(sample)} on ${nodeOf(sample)}`,
      )
      const expected = pods.map(({ key, node }) => `${key} on ${node}`)
      assertSameWords(places, expected, 'measured pods')
    },
    SETTLED_MS,
  )
}

/** The series that still get samples; what has gone lingers in Prometheus for a while. */
export async function fresh(lab: TestLab, series: string): Promise<Sample[]> {
  return await lab.query(`timestamp(${series}) > time() - ${FRESH_MS / 1000}`)
}

export type Labelled = Pick<Sample, 'labels'>

export function nodeOf({ labels }: Labelled): string {
  return labels['k8s_node_name'] ?? ''
}

export function podOf({ labels }: Labelled): string {
  return `${labels['k8s_namespace_name']}/${labels['k8s_pod_name']}`
}

export function containerOf(sample: Labelled): string {
  return `${podOf(sample)}/${sample.labels['k8s_container_name']}`
}

/** The labels of what kube-prometheus' jobs scrape: what the lab's own jobs scrape has k8s_cluster_name, too. */
export const scraped = (lab: TestLab) => `cluster="${lab.name}", k8s_cluster_name=""`

/** Waits until all targets of kube-prometheus' jobs are there, and none is down. */
export async function assertKubePrometheusTargets(lab: TestLab, nodes: number): Promise<void> {
  const paths = ['', '/cadvisor', '/probes', '/slis'].map(path => `kubelet/metrics${path} ${nodes}`)
  const expected = [...paths, `node-exporter ${nodes}`, 'kube-state-metrics 2']
  await waitFor('all targets', async () => {
    const targets = await lab.query(`count by (job, metrics_path) (up{${scraped(lab)}} == 1)`)
    const words = targets.map(({ labels, value }) => `${labels['job']}${labels['metrics_path'] ?? ''} ${value}`)
    assertSameWords(words.sort(), expected.sort(), 'targets that are up')
    assert.deepEqual(await lab.query(`up{${scraped(lab)}} == 0`), [])
  })
}
