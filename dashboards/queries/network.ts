import type { Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { measured, type Query } from './query.ts'
import { aggregate, type Grouping, POD } from './scope.ts'

export type Direction = 'receive' | 'transmit'

/** Bits per second of the pods' network. */
export const bandwidth = (direction: Direction, group: Grouping) =>
  measured(`network-${direction}`, group.by, `8 * ${aggregate('sum', group, bytesPerSecond(direction))}`)

/** Bits per second of the average pod. Containers of a pod share its network. */
export function averageBandwidth(direction: Direction, group: Grouping): Query {
  const ofPod = (filter: string) => `sum by (${POD}) (${bytesPerSecond(direction)(filter)})`
  const expr = `8 * ${aggregate('avg', group, ofPod)}`
  return measured(`network-${direction}`, group.by, expr, { over: 'networked-pods' })
}

/** Packets per second. From cAdvisor: no receiver counts a pod's packets. */
export const packets = (direction: Direction, group: Grouping) =>
  counted(`container_network_${direction}_packets_total`, `packets-${direction}`, group)

/** Dropped packets per second. From cAdvisor. */
export const droppedPackets = (direction: Direction, group: Grouping) =>
  counted(`container_network_${direction}_packets_dropped_total`, `drops-${direction}`, group)

function bytesPerSecond(direction: Direction): (filter: string) => string {
  return filter => `rate(k8s_pod_network_io_bytes_total{${filter}, direction="${direction}"}[$__rate_interval])`
}

function counted(metric: string, of: Quantity, group: Grouping): Query {
  const expr = aggregate('sum', group, filter => `rate(${metric}{${filter}}[$__rate_interval])`)
  return { ...measured(of, group.by, expr), prerequisites: ['cadvisor'] }
}
