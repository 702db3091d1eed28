import { measured, named } from './query.ts'
import { inNamespace, selected } from './scope.ts'

const VOLUME = 'k8s_cluster_name, k8s_namespace_name, k8s_persistentvolumeclaim_name'
const FILTER = `${inNamespace.filter}, ${selected('k8s_persistentvolumeclaim_name', 'volume')}`
const legend = '{{k8s_persistentvolumeclaim_name}}'

// Several pods can mount a claim; the kubelet of each measures the same volume.
const bytes = (part: 'capacity' | 'available') => `max by (${VOLUME}) (k8s_volume_${part}_bytes{${FILTER}})`
// Counts, despite their suffix `_ratio`, which Prometheus appends to gauges of unit 1.
const inodes = (part: '' | '_free' | '_used') => `max by (${VOLUME}) (k8s_volume_inodes${part}_ratio{${FILTER}})`

const BY = ['cluster', 'namespace', 'claim'] as const

/** Free bytes of the volume of each claim. */
export const volumeFree = named(`${legend} free`, measured('volume-available', BY, bytes('available')))
/** Used bytes of the volume of each claim. */
export const volumeUsed = named(
  `${legend} used`,
  measured('volume-used', BY, `${bytes('capacity')} - ${bytes('available')}`),
)
/** The used share of the volume of each claim, 0 to 1. */
export const volumeUtilisation = measured(
  'volume-used',
  BY,
  `(${bytes('capacity')} - ${bytes('available')}) / ${bytes('capacity')}`,
  { over: 'volume-capacity' },
)
/** Free inodes of the volume of each claim. */
export const inodesFree = named(`${legend} free`, measured('volume-inodes-free', BY, inodes('_free')))
/** Used inodes of the volume of each claim. */
export const inodesUsed = named(`${legend} used`, measured('volume-inodes-used', BY, inodes('_used')))
/** The used share of the inodes of each claim, 0 to 1. */
export const inodesUtilisation = measured('volume-inodes-used', BY, `${inodes('_used')} / ${inodes('')}`, {
  over: 'volume-inodes',
})
