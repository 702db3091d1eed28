import type { ClusterPod } from './cluster-snapshot.ts'
import type { SpaceFigures } from './filesystem-truth.ts'
import type { Bounds } from './usage-bounds.ts'

/** The fields that hold each quantity. */
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

/** The amount of one container for a quantity; undefined where it does not count. */
export function containerAmount(
  of: 'containers' | 'placed-containers' | 'restarts' | keyof typeof RESOURCE_OF,
  pod: ClusterPod,
  container: ClusterPod['containers'][number],
): Bounds | undefined {
  // KWOK serves all containers on a node, those of finished pods too.
  if (of === 'placed-containers') return pod.node === '' ? undefined : exact(1)
  if (of === 'restarts') {
    // The API has no time of each restart, and increase() of a new series can double it.
    return container.restarts === undefined ? undefined : { least: 0, most: 2 * container.restarts }
  }
  // Finished pods hold no resources.
  if (pod.phase !== 'Pending' && pod.phase !== 'Running') return undefined
  // Pending pods hold their requests, but run no container.
  if (of === 'containers') return pod.phase === 'Running' ? exact(1) : undefined
  const amount = container[RESOURCE_OF[of]]
  return amount === undefined ? undefined : exact(amount)
}

/** An exact value. */
export function exact(value: number): Bounds {
  return { least: value, most: value }
}
