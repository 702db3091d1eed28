import type { Claim, SpaceFigures } from './filesystem-truth.ts'

/** A number that is known to lie between two: when exactly a collector looked is not known. */
export interface Bounds {
  least: number
  most: number
  /** Prometheus need not have it yet: what is measured has only just begun. */
  mayBeAbsent?: boolean
}

/** What containers use: cores, bytes, and periods, operations and bytes a second. */
export const containerMeasures = [
  ...(['cpu-usage', 'memory-working-set', 'memory-rss', 'memory-cache', 'memory-swap'] as const),
  /** CFS periods of those with a CPU limit, and those in which they were held back. */
  ...(['cpu-periods', 'cpu-throttled-periods'] as const),
  ...(['disk-reads', 'disk-writes', 'disk-read-bytes', 'disk-written-bytes'] as const),
  ...(['disk-operations', 'disk-bytes'] as const),
] as const

/** What goes over a pod's network, which its containers share, a second. */
export const networkMeasures = [
  ...(['network-receive', 'network-transmit', 'packets-receive', 'packets-transmit'] as const),
  ...(['drops-receive', 'drops-transmit'] as const),
] as const

/**
 * What only a node's own host metrics say, by state or direction. Not its load: a load average remembers pods that are gone, and nobody else
 * does.
 */
export const hostMeasures = ['host-cpu', 'host-memory', 'host-disk'] as const

export type ContainerMeasure = (typeof containerMeasures)[number]
export type NetworkMeasure = (typeof networkMeasures)[number]
export type HostMeasure = (typeof hostMeasures)[number]
/** What can be measured of a pod. */
export type Measured = ContainerMeasure | NetworkMeasure

/** When a number was measured. */
export interface UsageWindow {
  /** The query's time. */
  untilMs: number
  /** The length of the rate's window; undefined for a level at one moment. */
  lengthMs: number | undefined
  /** So much earlier than it could be the newest sample may have been taken: the collection interval and the way here. */
  lateMs: number
}

/** Numbers by what they belong to, and within that by a name: the container's, or the state's; empty where there is one. */
export type Figures = ReadonlyMap<string, ReadonlyMap<string, Bounds>>

/** Who knows what pods and nodes use, beside Prometheus. What it can't tell is undefined, and not compared. */
export interface UsageSource {
  /** In words: "the usage model". */
  name: string
  /** Containers by UID of their pod and name; of network, which a pod's containers share, one by the empty name. */
  containers(measured: Measured, window: UsageWindow): Figures | undefined
  /** Whole nodes, their kubelet and container runtime included, by their names. */
  nodes(measured: Measured | HostMeasure, window: UsageWindow): Figures | undefined
  /** The nodes' disks, by their names. */
  disks(): ReadonlyMap<string, SpaceFigures>
  /** The volumes of the claims that pods have mounted. */
  volumes(): readonly (Claim & SpaceFigures)[]
}

/** Whether a measure is one of the network's. */
export function isOfNetwork(measured: string): measured is NetworkMeasure {
  return networkMeasures.some(each => each === measured)
}

/** The sum of numbers that are each known to lie between two. */
export function sumOfBounds(all: Iterable<Bounds>): Bounds {
  const sum: Bounds = { least: 0, most: 0 }
  for (const { least, most } of all) {
    sum.least += least
    sum.most += most
  }
  return sum
}

/** The bounds of some values; nothing is between none. */
export function boundsOf(values: readonly number[]): Bounds {
  if (values.length === 0) return { least: 0, most: 0 }
  return { least: Math.min(...values), most: Math.max(...values) }
}
