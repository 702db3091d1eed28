import type { ClusterPod } from './cluster-snapshot.ts'
import type { SpaceFigures } from './filesystem-truth.ts'
import type { Bounds } from './usage-bounds.ts'

/** What each quantity is called where it is read. */
export const RESOURCE_OF = {
  'cpu-requests': 'cpuRequests',
  'cpu-limits': 'cpuLimits',
  'memory-requests': 'memoryRequests',
  'memory-limits': 'memoryLimits',
  'quota-cpu-requests': 'cpuRequests',
  'quota-cpu-limits': 'cpuLimits',
  'quota-memory-requests': 'memoryRequests',
  'quota-memory-limits': 'memoryLimits',
} as const

export const NODE_OF = {
  'cpu-allocatable': 'cpuAllocatable',
  'memory-allocatable': 'memoryAllocatable',
  'pods-allocatable': 'podsAllocatable',
  'memory-capacity': 'memoryCapacity',
} as const

export const SPACE_OF = {
  'filesystem-used': 'used',
  'filesystem-capacity': 'capacity',
  'volume-capacity': 'capacity',
  'volume-available': 'available',
  'volume-used': 'used',
  'volume-inodes': 'inodes',
  'volume-inodes-free': 'inodesFree',
  'volume-inodes-used': 'inodesUsed',
} as const satisfies Record<string, keyof SpaceFigures>

export const HPA_OF = { 'hpa-current': 'current', 'hpa-desired': 'desired', 'hpa-max': 'max' } as const

/** What a container of a pod counts for a quantity; undefined where it is not counted. */
export function containerAmount(
  of: 'containers' | 'placed-containers' | 'restarts' | keyof typeof RESOURCE_OF,
  pod: ClusterPod,
  container: ClusterPod['containers'][number],
): Bounds | undefined {
  // KWOK serves all that are on a node, finished ones too.
  if (of === 'placed-containers') return pod.node === '' ? undefined : one(1)
  if (of === 'restarts') {
    // When each was isn't told, and of a container that Prometheus has not had for long a rise counts up to double.
    return container.restarts === undefined ? undefined : { least: 0, most: 2 * container.restarts }
  }
  // Pods that have ended hold nothing any more.
  if (pod.phase !== 'Pending' && pod.phase !== 'Running') return undefined
  // Pods that wait hold what they request, but no container of theirs runs yet.
  if (of === 'containers') return pod.phase === 'Running' ? one(1) : undefined
  const amount = container[RESOURCE_OF[of]]
  return amount === undefined ? undefined : one(amount)
}

/** A number that is known exactly. */
export function one(value: number): Bounds {
  return { least: value, most: value }
}
