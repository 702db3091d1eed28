import type { Dimension, Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { legendOf, type Query } from './query.ts'
import { aggregate, POD, type Scope } from './scope.ts'

export type Direction = 'receive' | 'transmit'

/** Bits per second of the pods' network. */
export function bandwidth(direction: Direction, scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: `8 * ${aggregate('sum', scope, by, bytesPerSecond(direction))}`,
    legend: legendOf(by),
    truth: { of: `network-${direction}`, by },
  }
}

/** Bits per second of the average pod. Containers of a pod share its network. */
export function averageBandwidth(direction: Direction, scope: Scope, by: readonly Dimension[]): Query {
  const ofPod = (filter: string) => `sum by (${POD}) (${bytesPerSecond(direction)(filter)})`
  return {
    expr: `8 * ${aggregate('avg', scope, by, ofPod)}`,
    legend: legendOf(by),
    truth: { of: `network-${direction}`, over: 'networked-pods', by },
  }
}

/** Packets per second. From cAdvisor: no receiver counts a pod's packets. */
export function packets(direction: Direction, scope: Scope, by: readonly Dimension[]): Query {
  return counted(`container_network_${direction}_packets_total`, `packets-${direction}`, scope, by)
}

/** Dropped packets per second. From cAdvisor. */
export function droppedPackets(direction: Direction, scope: Scope, by: readonly Dimension[]): Query {
  return counted(`container_network_${direction}_packets_dropped_total`, `drops-${direction}`, scope, by)
}

function bytesPerSecond(direction: Direction): (filter: string) => string {
  return filter => `rate(k8s_pod_network_io_bytes_total{${filter}, direction="${direction}"}[$__rate_interval])`
}

function counted(metric: string, of: Quantity, scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('sum', scope, by, filter => `rate(${metric}{${filter}}[$__rate_interval])`),
    legend: legendOf(by),
    truth: { of, by },
    prerequisites: ['cadvisor'],
  }
}
