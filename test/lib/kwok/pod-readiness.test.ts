import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { readinessCalls } from '../../../lib/kwok/pod-readiness.ts'

const nodes = new Map([
  ['ready', true],
  ['lost', false],
])
const calls = suite('readinessCalls()')
const cases: [what: string, row: string, expected: boolean][] = [
  ['a pod whose node was lost', 'shop cart ready True False', true],
  ['a pod that is ready', 'shop cart ready True True', false],
  ['a pod whose containers are not ready', 'shop cart ready False False', false],
  ['a pod on a node that is not ready', 'shop cart lost True False', false],
  ['a pod on a node that is not the lab’s', 'shop cart other True False', false],
  ['a pod without conditions', 'shop cart ready  ', false],
]
for (const [what, row, expected] of cases) {
  calls(`${what}: ${expected}`, () => {
    const [namespace, name, nodeName, containers, ready] = row.split(' ')
    const conditions = Object.entries({ ContainersReady: containers, Ready: ready })
      .filter(([, status]) => status !== '')
      .map(([type, status]) => ({ type, status }))
    const pod = { metadata: { namespace, name }, spec: { nodeName }, status: { phase: 'Running', conditions } }
    const paths = readinessCalls([pod], nodes).map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(paths, expected ? ['PATCH /api/v1/namespaces/shop/pods/cart/status'] : [])
  })
}
calls.run()
