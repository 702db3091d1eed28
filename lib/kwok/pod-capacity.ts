import { fields, items, text } from '../kube/json.ts'
import { podRequests, type ResourceRequests, resources, resourcesOf } from './pods.ts'

/** The free resources of each schedulable node: its allocatable resources minus the requests of its pods. */
export function freeCapacity(nodes: readonly unknown[], pods: readonly unknown[]): ResourceRequests[] {
  const free = new Map<string, ResourceRequests>()
  for (const node of nodes) {
    const spec = fields(fields(node)['spec'])
    const isTainted = items(spec['taints']).some(taint => fields(taint)['effect'] !== 'PreferNoSchedule')
    const name = text(fields(fields(node)['metadata'])['name'])
    if (name === undefined || spec['unschedulable'] === true || isTainted) continue
    free.set(name, resourcesOf(fields(fields(node)['status'])['allocatable']))
  }
  for (const pod of pods) {
    const spec = fields(fields(pod)['spec'])
    const phase = fields(fields(pod)['status'])['phase']
    const node = free.get(String(spec['nodeName']))
    if (node === undefined || phase === 'Succeeded' || phase === 'Failed') continue
    subtract(node, podRequests(spec))
  }
  return [...free.values()]
}

/**
 * The number of pods that fit on no node. Like the scheduler, roughly, it places the largest pod first, each on the node with the most free
 * CPU. It changes `free`.
 */
export function placePods(free: readonly ResourceRequests[], pods: readonly ResourceRequests[]): number {
  let unplaced = 0
  for (const pod of [...pods].sort((a, b) => b.cpu - a.cpu || b.memoryBytes - a.memoryBytes)) {
    let best: ResourceRequests | undefined
    for (const node of free) {
      if (fits(node, pod) && (best === undefined || node.cpu > best.cpu)) best = node
    }
    if (best === undefined) unplaced++
    else subtract(best, pod)
  }
  return unplaced
}

function fits(node: ResourceRequests, pod: ResourceRequests): boolean {
  // Sums of tenths of a CPU are not exact.
  return resources.every(name => node[name] + 1e-9 >= pod[name])
}

function subtract(node: ResourceRequests, pod: ResourceRequests): void {
  for (const name of resources) node[name] -= pod[name]
}
