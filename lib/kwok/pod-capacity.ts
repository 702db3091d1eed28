import { fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { type Demand, podDemand } from './pods.ts'

/** What is free on each node that takes pods: its allocatable less the requests of the pods it has. Pods of no node count for none. */
export function freeRooms(nodes: readonly unknown[], pods: readonly unknown[]): Demand[] {
  const rooms = new Map<string, Demand>()
  for (const node of nodes) {
    const spec = fields(fields(node)['spec'])
    const closed = items(spec['taints']).some(taint => fields(taint)['effect'] !== 'PreferNoSchedule')
    const name = text(fields(fields(node)['metadata'])['name'])
    if (name === undefined || spec['unschedulable'] === true || closed) continue
    const allocatable = fields(fields(fields(node)['status'])['allocatable'])
    const amount = (resource: string) => parseQuantity(String(allocatable[resource] ?? '0')) ?? 0
    rooms.set(name, { cpu: amount('cpu'), memoryBytes: amount('memory'), pods: amount('pods') })
  }
  for (const pod of pods) {
    const spec = fields(fields(pod)['spec'])
    const phase = fields(fields(pod)['status'])['phase']
    const room = rooms.get(String(spec['nodeName']))
    if (room === undefined || phase === 'Succeeded' || phase === 'Failed') continue
    take(room, podDemand(spec))
  }
  return [...rooms.values()]
}

/**
 * How many of the pods find no node, when the largest go first and each goes where most CPU is free, about as the scheduler
 * does. The rooms are changed.
 */
export function placePods(rooms: readonly Demand[], demands: readonly Demand[]): number {
  let left = 0
  for (const demand of [...demands].sort((a, b) => b.cpu - a.cpu || b.memoryBytes - a.memoryBytes)) {
    let best: Demand | undefined
    for (const room of rooms) {
      if (fits(room, demand) && (best === undefined || room.cpu > best.cpu)) best = room
    }
    if (best === undefined) left++
    else take(best, demand)
  }
  return left
}

function fits(room: Demand, demand: Demand): boolean {
  // Sums of tenths of a CPU are not exact.
  return room.cpu + 1e-9 >= demand.cpu && room.memoryBytes >= demand.memoryBytes && room.pods >= demand.pods
}

function take(room: Demand, demand: Demand): void {
  room.cpu -= demand.cpu
  room.memoryBytes -= demand.memoryBytes
  room.pods -= demand.pods
}
