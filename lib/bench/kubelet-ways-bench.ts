import { readFileSync } from 'node:fs'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { LabError } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import { fields, items, text } from '../kube/json.ts'
import { internalIp } from '../kube/node-address.ts'
import { caPath, prometheusTokenPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { kubeletProxyUrl } from '../services/kubelet-gateway.ts'
import { statsProxyUrl } from '../services/stats-proxy.ts'
import type { BenchRow } from './bench-row.ts'

const DOCUMENT = 'metrics/resource'
const ROUNDS = 3

/**
 * The time of a request for a document of a node, by each way to its kubelet: plain HTTP, TLS through the gateway's port, and the API
 * server's node proxy. One request after the other, over connections that are open; the first round through the gateway opens them.
 */
export async function kubeletWaysBench(lab: Lab): Promise<BenchRow[]> {
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const { body } = await client.request('GET', '/api/v1/nodes')
  const nodes = items(fields(body)['items']).map(node => ({
    name: text(fields(fields(node)['metadata'])['name']) ?? '',
    address: internalIp(fields(node)['status']) ?? '',
  }))
  const token = readFileSync(prometheusTokenPath(lab), 'utf8').trim()
  const requestTls = { ca: readFileSync(caPath(lab), 'utf8') }
  const plain = new Agent()
  const tunnels = new ProxyAgent({ uri: kubeletProxyUrl(lab), requestTls })
  const ways = {
    plain: ({ name }: Node) => get(`${statsProxyUrl(lab)}/nodes/${name}/${DOCUMENT}`, plain),
    gateway: ({ address }: Node) => get(`https://${address}:10250/${DOCUMENT}`, tunnels, `Bearer ${token}`),
    apiServer: async ({ name }: Node) => {
      const path = `/api/v1/nodes/${name}/proxy/${DOCUMENT}`
      const { status } = await client.request('GET', path)
      if (status !== 200) throw new LabError(`${path} answered ${status}`)
    },
  }
  const figure = (what: string) => `${nodes.length} nodes: a request for ${DOCUMENT}, ${what}`
  try {
    const plainMs = await fastest(nodes, ways.plain)
    const firstMs = await meanMs(nodes, ways.gateway)
    const gatewayMs = await fastest(nodes, ways.gateway)
    const apiServerMs = await fastest(nodes, ways.apiServer)
    const baseline = { name: 'plain HTTP', value: plainMs }
    return [
      { name: figure('gateway, first'), value: firstMs, unit: 'ms', baseline },
      { name: figure('gateway'), value: gatewayMs, unit: 'ms', baseline },
      { name: figure('API server'), value: apiServerMs, unit: 'ms', baseline },
    ]
  } finally {
    await Promise.all([plain.destroy(), tunnels.destroy()])
  }
}

interface Node {
  name: string
  address: string
}

async function get(url: string, dispatcher: Dispatcher, authorization = ''): Promise<void> {
  const { statusCode, body } = await request(url, { dispatcher, headers: { authorization } })
  await body.text()
  if (statusCode !== 200) throw new LabError(`${url} answered ${statusCode}`)
}

async function fastest(nodes: readonly Node[], way: (node: Node) => Promise<void>): Promise<number> {
  const means: number[] = []
  for (let round = 0; round < ROUNDS; round++) means.push(await meanMs(nodes, way))
  return Math.min(...means)
}

async function meanMs(nodes: readonly Node[], way: (node: Node) => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  for (const node of nodes) await way(node)
  return (performance.now() - startedMs) / nodes.length
}
