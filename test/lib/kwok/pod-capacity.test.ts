import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { freeCapacity, placePods } from '../../../lib/kwok/pod-capacity.ts'
import type { ResourceRequests } from '../../../lib/kwok/pods.ts'

const node = (name: string, spec = {}) => ({
  metadata: { name },
  spec,
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } },
})
const pod = (nodeName: string | undefined, phase = 'Running') => ({
  spec: { nodeName, containers: [{ resources: { requests: { cpu: '1500m', memory: '1Gi' } } }] },
  status: { phase },
})
const resources = (cpu: number, memoryGib: number, pods: number): ResourceRequests => ({
  cpu,
  memoryBytes: memoryGib * 2 ** 30,
  pods,
})

const frees = suite('freeCapacity()')

frees('subtracts the requests of a node’s pods, unless they have ended', () => {
  const pods = [pod('a'), pod('a', 'Succeeded'), pod('a', 'Failed'), pod('b'), pod('b'), pod(undefined), pod('gone')]
  assert.deepEqual(freeCapacity([node('a'), node('b')], pods), [resources(2.5, 7, 9), resources(1, 6, 8)])
})

frees('leaves out unschedulable nodes', () => {
  const taint = (effect: string) => ({ taints: [{ key: 'x', effect }] })
  const nodes = [
    node('cordoned', { unschedulable: true }),
    node('tainted', taint('NoSchedule')),
    node('not-ready', taint('NoExecute')),
    node('disliked', taint('PreferNoSchedule')),
  ]
  assert.deepEqual(freeCapacity(nodes, []), [resources(4, 8, 10)])
})
frees.run()

const places = suite('placePods()')
for (const [fact, free, pods, expected] of [
  ['places all pods', [resources(1, 1, 10)], Array(10).fill(resources(0.1, 0.1, 1)), 0],
  ['counts pods without enough CPU', [resources(1, 9, 9)], Array(3).fill(resources(0.5, 1, 1)), 1],
  ['counts pods without enough memory', [resources(9, 1, 9)], Array(3).fill(resources(0.5, 0.5, 1)), 1],
  ['counts pods above the node’s maximum', [resources(9, 9, 2)], Array(3).fill(resources(0.1, 0.1, 1)), 1],
  ['does not split a pod between nodes', [resources(0.6, 9, 9), resources(0.6, 9, 9)], [resources(1, 1, 1)], 1],
  [
    'places large pods first',
    [resources(1, 9, 9), resources(0.5, 9, 9)],
    [resources(0.5, 1, 1), resources(1, 1, 1)],
    0,
  ],
  ['places none without nodes', [], [resources(0.1, 0.1, 1)], 1],
] as const) {
  const copies = free.map(each => ({ ...each }))
  places(fact, () => assert.equal(placePods(copies, pods), expected))
}
places.run()
