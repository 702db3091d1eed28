import type { Query } from './query.ts'
import { inNamespace, selected } from './scope.ts'

const VOLUME = 'k8s_cluster_name, k8s_namespace_name, k8s_persistentvolumeclaim_name'
const FILTER = `${inNamespace.filter}, ${selected('k8s_persistentvolumeclaim_name', 'volume')}`
const legend = '{{k8s_persistentvolumeclaim_name}}'

// Several pods can mount a claim; the kubelet of each measures the same volume.
const bytes = (part: 'capacity' | 'available') => `max by (${VOLUME}) (k8s_volume_${part}_bytes{${FILTER}})`
// Counts, despite their suffix `_ratio`, which Prometheus appends to gauges of unit 1.
const inodes = (part: '' | '_free' | '_used') => `max by (${VOLUME}) (k8s_volume_inodes${part}_ratio{${FILTER}})`

const BY = ['cluster', 'namespace', 'claim'] as const

/** Used bytes of the volume of each claim. */
export const volumeUsed: Query = {
  expr: `${bytes('capacity')} - ${bytes('available')}`,
  legend: `${legend} used`,
  truth: { of: 'volume-used', by: BY },
}
/** Free bytes of the volume of each claim. */
export const volumeFree: Query = {
  expr: bytes('available'),
  legend: `${legend} free`,
  truth: { of: 'volume-available', by: BY },
}
/** The used share of the volume of each claim, 0 to 1. */
export const volumeUtilisation: Query = {
  expr: `(${bytes('capacity')} - ${bytes('available')}) / ${bytes('capacity')}`,
  legend,
  truth: { of: 'volume-used', over: 'volume-capacity', by: BY },
}
/** Used inodes of the volume of each claim. */
export const inodesUsed: Query = {
  expr: inodes('_used'),
  legend: `${legend} used`,
  truth: { of: 'volume-inodes-used', by: BY },
}
/** Free inodes of the volume of each claim. */
export const inodesFree: Query = {
  expr: inodes('_free'),
  legend: `${legend} free`,
  truth: { of: 'volume-inodes-free', by: BY },
}
/** The used share of the inodes of each claim, 0 to 1. */
export const inodesUtilisation: Query = {
  expr: `${inodes('_used')} / ${inodes('')}`,
  legend,
  truth: { of: 'volume-inodes-used', over: 'volume-inodes', by: BY },
}
