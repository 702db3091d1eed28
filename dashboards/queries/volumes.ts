import type { Query } from './query.ts'
import { chosen, inNamespace } from './scope.ts'

const VOLUME = 'k8s_cluster_name, k8s_namespace_name, k8s_persistentvolumeclaim_name'
const FILTER = `${inNamespace.filter}, ${chosen('k8s_persistentvolumeclaim_name', 'volume')}`
const legend = '{{k8s_persistentvolumeclaim_name}}'

// A claim may be mounted by several pods, and each of their kubelets measures it: they all see the same volume.
const bytes = (part: 'capacity' | 'available') => `max by (${VOLUME}) (k8s_volume_${part}_bytes{${FILTER}})`
// Counts, for all that their names end in `_ratio`: Prometheus adds that to gauges of unit 1.
const inodes = (part: '' | '_free' | '_used') => `max by (${VOLUME}) (k8s_volume_inodes${part}_ratio{${FILTER}})`

const BY = ['cluster', 'namespace', 'claim'] as const

/** Bytes in use on each claim's volume. */
export const volumeUsed: Query = {
  expr: `${bytes('capacity')} - ${bytes('available')}`,
  legend: `${legend} used`,
  truth: { of: 'volume-used', by: BY },
}
/** Bytes free on each claim's volume. */
export const volumeFree: Query = {
  expr: bytes('available'),
  legend: `${legend} free`,
  truth: { of: 'volume-available', by: BY },
}
/** The part of each claim's volume in use, 0 to 1. */
export const volumeUtilisation: Query = {
  expr: `(${bytes('capacity')} - ${bytes('available')}) / ${bytes('capacity')}`,
  legend,
  truth: { of: 'volume-used', over: 'volume-capacity', by: BY },
}
/** Inodes in use on each claim's volume. */
export const inodesUsed: Query = {
  expr: inodes('_used'),
  legend: `${legend} used`,
  truth: { of: 'volume-inodes-used', by: BY },
}
/** Inodes free on each claim's volume. */
export const inodesFree: Query = {
  expr: inodes('_free'),
  legend: `${legend} free`,
  truth: { of: 'volume-inodes-free', by: BY },
}
/** The part of each claim's inodes in use, 0 to 1. */
export const inodesUtilisation: Query = {
  expr: `${inodes('_used')} / ${inodes('')}`,
  legend,
  truth: { of: 'volume-inodes-used', over: 'volume-inodes', by: BY },
}
