import type { FsStats, VolumeStats } from '../../kubelet/endpoints/filesystem-stats.ts'

/** A value between two bounds, because the time of collection is not known exactly. */
export interface Bounds {
  least: number
  most: number
  /** Prometheus may have no series yet: the measured object is new. */
  mayBeAbsent?: boolean
}

/** A kubelet's values of a file system: bytes and inodes. */
export type SpaceFigures = Omit<FsStats, 'time'>

/** A kubelet's values of a volume, and its PersistentVolumeClaim if it has one. */
export type VolumeFigures = SpaceFigures & Pick<VolumeStats, 'pvcRef'>

/** The usage of containers: cores, bytes, and periods, operations and bytes per second. */
export const containerMeasures = [
  'cpu-usage',
  'memory-working-set',
  'memory-rss',
  'memory-cache',
  'memory-swap',
  /** CFS periods of containers with a CPU limit, and those that were throttled. */
  'cpu-periods',
  'cpu-throttled-periods',
  'disk-reads',
  'disk-writes',
  'disk-read-bytes',
  'disk-written-bytes',
  'disk-operations',
  'disk-bytes',
] as const

/** The network traffic of a pod, per second. */
export const networkMeasures = [
  'network-receive',
  'network-transmit',
  'packets-receive',
  'packets-transmit',
  'drops-receive',
  'drops-transmit',
] as const

/** Measures that only host metrics have, by state or direction. Not the load average, which depends on deleted pods. */
export const hostMeasures = ['host-cpu', 'host-memory', 'host-disk'] as const

export type ContainerMeasure = (typeof containerMeasures)[number]
export type NetworkMeasure = (typeof networkMeasures)[number]
export type HostMeasure = (typeof hostMeasures)[number]
/** Measures of a pod. */
export type Measured = ContainerMeasure | NetworkMeasure

/** The time range of a measured value. */
export interface UsageWindow {
  /** The query's time. */
  untilMs: number
  /** The length of the rate's window; undefined for a level at one moment. */
  lengthMs: number | undefined
  /** How late the newest sample can be: the collection interval and the delay of delivery. */
  lateMs: number
}

/** Values by object, and by container or state (empty where there is only one). */
export type Figures = ReadonlyMap<string, ReadonlyMap<string, Bounds>>

/** A source of usage other than Prometheus. Unknown measures are undefined and not compared. */
export interface UsageSource {
  /** For messages: "the usage model". */
  name: string
  /** By pod UID and container name. Network measures, which the containers of a pod share, have the empty name. */
  containers(measured: Measured, window: UsageWindow): Figures | undefined
  /** By node, including its kubelet and container runtime. */
  nodes(measured: Measured | HostMeasure, window: UsageWindow): Figures | undefined
  /** The nodes' disks, by their names. */
  disks(): ReadonlyMap<string, SpaceFigures>
  /** The volumes of pods at a time (epoch); those of a claim with its name. */
  volumes(atMs: number): readonly VolumeFigures[]
}

/** Whether a measure is one of the network. */
export function isNetworkMeasure(measured: string): measured is NetworkMeasure {
  return networkMeasures.some(each => each === measured)
}

/** An exact value. */
export function exact(value: number): Bounds {
  return { least: value, most: value }
}

/** The sum of several bounds. */
export function sumOfBounds(all: Iterable<Bounds>): Bounds {
  const sum: Bounds = { least: 0, most: 0 }
  for (const { least, most } of all) {
    sum.least += least
    sum.most += most
  }
  return sum
}

/** The bounds of some values; 0 for none. */
export function boundsOf(values: readonly number[]): Bounds {
  if (values.length === 0) return { least: 0, most: 0 }
  return { least: Math.min(...values), most: Math.max(...values) }
}

/** A counter's value at a time. */
export interface Counted {
  timeMs: number
  value: number
}

/**
 * The bounds of a rate per second from one of `starts` to one of `ends`, where an increase can be larger or smaller by
 * `error`; undefined when no end is after a start.
 */
export function rateBounds(starts: readonly Counted[], ends: readonly Counted[], error: number): Bounds | undefined {
  const bounds: Bounds = { least: Number.POSITIVE_INFINITY, most: 0 }
  for (const start of starts) {
    for (const end of ends) {
      const seconds = (end.timeMs - start.timeMs) / 1_000
      if (seconds <= 0) continue
      const counted = end.value - start.value
      bounds.least = Math.min(bounds.least, Math.max(0, counted - error) / seconds)
      bounds.most = Math.max(bounds.most, (counted + error) / seconds)
    }
  }
  return bounds.least === Number.POSITIVE_INFINITY ? undefined : bounds
}
