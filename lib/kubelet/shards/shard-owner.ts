import { fields, items, text } from '../../kube/json.ts'
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'

/** The label of simulated nodes and of the namespaces of their pods, as a selector. */
export const simulatedLabel = 'kube-otel-lab/simulated'

/** Whether a node is one of the lab's simulated nodes inside a cluster, or a namespace is one of their pods. */
export function isSimulated({ metadata }: { metadata?: unknown }): boolean {
  return fields(fields(metadata)['labels'])[simulatedLabel] !== undefined
}

/** With it 5,000 nodes of the chart's default names are within 5 % of each other on 4 and 16 shards. For other names it is as good as any. */
const SALT = 177

/**
 * The shard, from 0 to `shards` - 1, that owns a node, by rendezvous hashing: the shard with the highest hash of both. Another shard takes
 * nodes from all, and no node moves between the others.
 */
export function shardOf(node: string, shards: number): number {
  const seed = hash(node)
  let [owner, most] = [0, -1]
  for (let shard = 0; shard < shards; shard++) {
    const weight = pseudoRandom(seed, SALT + shard)
    if (weight > most) [owner, most] = [shard, weight]
  }
  return owner
}

/** The host name of a shard in the cluster, such as `stats-proxy-2.stats-proxy.kube-otel-lab.svc`. `domain` is all after the first dot. */
export function shardHost(shard: number, domain: string): string {
  return `${domain.split('.', 1)[0]}-${shard}.${domain}`
}

/** The kubelet of a simulated node: the shard that serves it, by the node's InternalDNS, and its port. Undefined for any other node. */
export function kubeletOf(status: unknown, domain: string): { shard: number; host: string; port: number } | undefined {
  const { addresses, daemonEndpoints } = fields(status)
  const port = Number(fields(fields(daemonEndpoints).kubeletEndpoint).Port)
  for (const { type, address } of items(addresses).map(fields)) {
    const host = type === 'InternalDNS' ? (text(address) ?? '') : ''
    const shard = Number(/-(\d+)\./.exec(host)?.[1])
    if (host !== '' && shardHost(shard, domain) === host) return { shard, host, port }
  }
  return undefined
}
