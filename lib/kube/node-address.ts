import { fields, items, text } from './json.ts'

/** The port of every simulated kubelet. */
export const KUBELET_PORT = 10_250
/** The port of every simulated node exporter. */
export const NODE_EXPORTER_PORT = 9_100
/** Where it answers inside a cluster, at the port of its node's kubelet, as all nodes of a shard have one address. */
export const NODE_EXPORTER_PATH = '/node-exporter'
export const NODE_PORTS: readonly number[] = [KUBELET_PORT, NODE_EXPORTER_PORT]

/** The InternalIP in a node's status; undefined without one. */
export function internalIp(status: unknown): string | undefined {
  const addresses = items(fields(status)['addresses']).map(fields)
  return text(addresses.find(({ type }) => type === 'InternalIP')?.['address'])
}
