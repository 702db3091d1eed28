import { join } from 'node:path'
import { callAll } from '../kube/bulk.ts'
import { connect } from '../kube/client.ts'
import { applyManifests, kubectl } from '../kubectl.ts'
import { componentPorts } from '../kwokctl.ts'
import { type Lab, projectDir } from '../lab.ts'
import { labNodeNames } from '../nodes.ts'
import { podNamespaces } from '../pods.ts'
import { statsProxyUrl } from '../stats/service.ts'
import type { BenchRow } from './row.ts'

const RESOURCE_METRICS = join(projectDir, 'kwok-config', 'kwok-resource-metrics.yaml')
const USAGE_PATH = '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages'
const ROUNDS = 3

/**
 * The pods of all nodes, a second, as the stats proxy and as KWOK's own server give them, each node asked one after the other
 * over one connection. Both find the same usage for the pods, a fixed one. Prometheus scrapes both meanwhile, at the same rate.
 */
export async function kubeletBench(lab: Lab): Promise<BenchRow[]> {
  const client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const nodes = await labNodeNames(lab)
  const kwok = `http://127.0.0.1:${componentPorts(lab)['kwok-controller']}/metrics/nodes`
  const proxy = `${statsProxyUrl(lab)}/nodes`
  try {
    await applyManifests(lab, RESOURCE_METRICS)
    await callAll(client, [{ method: 'POST', path: USAGE_PATH, body: fixedUsage }])
    // The first answer is the slowest of all: KWOK makes its series then.
    const running = await measure(nodes, node => `${kwok}/${node}/metrics/resource`, countResourcePods)
    const ofKwok = await fastest(() => measure(nodes, node => `${kwok}/${node}/metrics/resource`, countResourcePods))
    const ours = await fastest(() => measure(nodes, node => `${proxy}/${node}/metrics/resource`, countResourcePods))
    const summary = await fastest(() => measure(nodes, node => `${proxy}/${node}/stats/summary`, countSummaryPods))
    const baseline = { name: "KWOK's metrics/resource", value: ofKwok.podsPerSecond }
    const name = (what: string) => `${nodes.length} nodes and ${running.pods} pods: ${what}`
    return [
      { name: name('metrics/resource'), value: ours.podsPerSecond, unit: 'pods/s', baseline, goal: 'ratio ≥ 10' },
      { name: name('stats/summary'), value: summary.podsPerSecond, unit: 'pods/s', baseline, goal: 'ratio ≥ 5' },
    ]
  } finally {
    await kubectl(lab, ['delete', '--ignore-not-found', '-f', RESOURCE_METRICS])
    await callAll(client, [{ method: 'DELETE', path: `${USAGE_PATH}/${fixedUsage.metadata.name}` }])
    client.close()
  }
}

const fixedUsage = {
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'ClusterResourceUsage',
  metadata: { name: 'bench-fixed-usage' },
  spec: {
    selector: { matchNamespaces: [...podNamespaces] },
    usages: [{ usage: { cpu: { value: '20m' }, memory: { value: '32Mi' } } }],
  },
}

interface Round {
  pods: number
  podsPerSecond: number
}

async function measure(
  nodes: readonly string[],
  urlOf: (node: string) => string,
  podsIn: (body: string) => number,
): Promise<Round> {
  let pods = 0
  let spentMs = 0
  for (const node of nodes) {
    const startedMs = performance.now()
    const answer = await fetch(urlOf(node))
    const body = await answer.text()
    spentMs += performance.now() - startedMs
    if (answer.ok) pods += podsIn(body)
  }
  return { pods, podsPerSecond: pods / (spentMs / 1_000) }
}

async function fastest(round: () => Promise<Round>): Promise<Round> {
  const rounds: Round[] = []
  for (let index = 0; index < ROUNDS; index++) rounds.push(await round())
  return rounds.reduce((best, each) => (each.podsPerSecond > best.podsPerSecond ? each : best))
}

function countResourcePods(body: string): number {
  return body.split('\npod_memory_working_set_bytes{').length - 1
}

function countSummaryPods(body: string): number {
  return (JSON.parse(body) as { pods: unknown[] }).pods.length
}
