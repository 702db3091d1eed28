import { join } from 'node:path'
import { Agent, request } from 'undici'
import { LabError } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { labNodeNames } from '../kwok/nodes.ts'
import { podNamespaces } from '../kwok/pods.ts'
import { componentPorts } from '../lab/components.ts'
import { applyManifests, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { statsProxyUrl } from '../services/stats-proxy.ts'
import { waitUntil } from '../system/wait.ts'
import type { BenchRow } from './bench-row.ts'

const RESOURCE_METRICS = join(projectDir, 'kwok-config', 'kwok-resource-metrics.yaml')
const USAGE_PATH = '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages'
const ROUNDS = 3
/** The time limit between bytes of a response. */
const IDLE_TIMEOUT_MS = 30_000
const connection = new Agent({ connections: 1, headersTimeout: IDLE_TIMEOUT_MS, bodyTimeout: IDLE_TIMEOUT_MS })

/**
 * The pods per second that the stats proxy and KWOK's own server serve, with requests for one node after the other over one
 * connection. Both read the same usage object, like the one shipped with KWOK. Prometheus scrapes both at the same rate.
 */
export async function kubeletBench(lab: Lab): Promise<BenchRow[]> {
  const client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const nodes = await labNodeNames(lab)
  const kwok = `http://127.0.0.1:${componentPorts(lab)['kwok-controller']}/metrics/nodes`
  const proxy = `${statsProxyUrl(lab)}/nodes`
  try {
    await applyManifests(lab, RESOURCE_METRICS)
    await callAll(client, [{ method: 'POST', path: USAGE_PATH, body: usage }])
    // KWOK creates the series of a node's pods after the first request for them.
    const resource = (server: string) => () =>
      measure(nodes, node => `${server}/${node}/metrics/resource`, countResourcePods)
    const running = await resource(proxy)()
    await waitUntilServed(running.pods, resource(kwok))
    const ofKwok = await fastest(resource(kwok))
    const ours = await fastest(resource(proxy))
    const summary = await fastest(() => measure(nodes, node => `${proxy}/${node}/stats/summary`, countSummaryPods))
    const baseline = { name: "KWOK's metrics/resource", value: ofKwok.podsPerSecond }
    const name = (what: string) => `${nodes.length} nodes and ${running.pods} pods: ${what}`
    return [
      { name: name('metrics/resource'), value: ours.podsPerSecond, unit: 'pods/s', baseline, goal: 'ratio ≥ 10' },
      { name: name('stats/summary'), value: summary.podsPerSecond, unit: 'pods/s', baseline, goal: 'ratio ≥ 5' },
    ]
  } finally {
    await kubectl(lab, ['delete', '--ignore-not-found', '-f', RESOURCE_METRICS])
    await callAll(client, [{ method: 'DELETE', path: `${USAGE_PATH}/${usage.metadata.name}` }])
    client.close()
    await connection.destroy()
  }
}

/** As in KWOK's own usage object: the pod's annotation, else a small default. */
function annotatedUsage(resource: string, fallback: string): { expression: string } {
  const name = `"kwok.x-k8s.io/usage-${resource}"`
  const annotation = `pod.metadata.annotations[${name}]`
  return { expression: `${name} in pod.metadata.annotations ? Quantity(${annotation}) : Quantity("${fallback}")` }
}

const usage = {
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'ClusterResourceUsage',
  metadata: { name: 'bench-usage' },
  spec: {
    selector: { matchNamespaces: [...podNamespaces] },
    usages: [{ usage: { cpu: annotatedUsage('cpu', '1m'), memory: annotatedUsage('memory', '1Mi') } }],
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
    const body = await get(urlOf(node))
    spentMs += performance.now() - startedMs
    pods += podsIn(body)
  }
  return { pods, podsPerSecond: pods / (spentMs / 1_000) }
}

/** The text of a response, with little CPU time in this process: the server is measured. */
async function get(url: string): Promise<string> {
  const { statusCode, body } = await request(url, { dispatcher: connection })
  if (statusCode !== 200) throw new LabError(`${url} answered ${statusCode}`)
  return await body.text()
}

async function waitUntilServed(pods: number, round: () => Promise<Round>): Promise<void> {
  await waitUntil<void>({
    what: 'the usage of every pod from KWOK',
    timeoutMs: 120_000,
    everyMs: 1_000,
    check: async () => {
      const served = await round()
      // KWOK also serves pods that have ended.
      return served.pods >= pods ? { done: undefined } : { pending: `KWOK serves ${served.pods} of ${pods} pods` }
    },
    next: 'make kwok-status',
  })
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
