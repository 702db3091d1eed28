import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { freeRooms, placePods } from '../../../lib/kwok/pod-capacity.ts'
import type { Demand } from '../../../lib/kwok/pods.ts'

const node = (name: string, spec = {}) => ({
  metadata: { name },
  spec,
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } },
})
const pod = (nodeName: string | undefined, phase = 'Running') => ({
  spec: { nodeName, containers: [{ resources: { requests: { cpu: '1500m', memory: '1Gi' } } }] },
  status: { phase },
})
const room = (cpu: number, memoryGib: number, pods: number): Demand => ({ cpu, memoryBytes: memoryGib * 2 ** 30, pods })

const frees = suite('freeRooms()')

frees('takes from each node what its own pods ask for, unless they have ended', () => {
  const pods = [pod('a'), pod('a', 'Succeeded'), pod('a', 'Failed'), pod('b'), pod('b'), pod(undefined), pod('gone')]
  assert.deepEqual(freeRooms([node('a'), node('b')], pods), [room(2.5, 7, 9), room(1, 6, 8)])
})

frees('leaves out nodes that take no pods', () => {
  const taint = (effect: string) => ({ taints: [{ key: 'x', effect }] })
  const nodes = [
    node('cordoned', { unschedulable: true }),
    node('tainted', taint('NoSchedule')),
    node('not-ready', taint('NoExecute')),
    node('disliked', taint('PreferNoSchedule')),
  ]
  assert.deepEqual(freeRooms(nodes, []), [room(4, 8, 10)])
})
frees.run()

const places = suite('placePods()')
const left = (rooms: Demand[], demands: Demand[]) => placePods(rooms, demands)

for (const [fact, rooms, demands, expected] of [
  ['finds a place for all', [room(1, 1, 10)], Array(10).fill(room(0.1, 0.1, 1)), 0],
  ['counts those for whom there is no CPU', [room(1, 9, 9)], Array(3).fill(room(0.5, 1, 1)), 1],
  ['counts those for whom there is no memory', [room(9, 1, 9)], Array(3).fill(room(0.5, 0.5, 1)), 1],
  ['counts those for whom the node has pods enough', [room(9, 9, 2)], Array(3).fill(room(0.1, 0.1, 1)), 1],
  ['does not divide a pod between nodes', [room(0.6, 9, 9), room(0.6, 9, 9)], [room(1, 1, 1)], 1],
  ['places the large ones first', [room(1, 9, 9), room(0.5, 9, 9)], [room(0.5, 1, 1), room(1, 1, 1)], 0],
  ['finds none where there is no node', [], [room(0.1, 0.1, 1)], 1],
] as const) {
  places(fact, () =>
    assert.equal(
      left(
        rooms.map(each => ({ ...each })),
        [...demands],
      ),
      expected,
    ),
  )
}
places.run()
