import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { buildSummary } from '../../../../lib/kubelet/endpoints/stats-summary.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

const stores = suite('createStore()')

stores('has a node once its Node is set, with the pods set before it', () => {
  const store = createStore({ clock: () => START_MS })
  store.setPod(pod())
  assert.equal(store.node('node-0'), undefined)
  store.setNode(node())
  assert.equal(store.node('node-0')?.pods.size, 1)
  assert.deepEqual([store.nodeCount, store.podCount, store.runningPodCount], [1, 1, 1])
})

stores('treats a new Node of the same name as another node, in any order of events', () => {
  const store = createStore({ clock: () => START_MS })
  store.setNode(node({ uid: 'old' }))
  store.setNode(node({ uid: 'new' }))
  store.deleteNode('old')
  assert.equal(store.node('node-0')?.facts.uid, 'new')
  assert.equal(store.nodeCount, 1)
})

stores('does not serve a node that a scenario makes unreachable, whose counters continue', () => {
  let nowMs = START_MS + 1_000
  const store = createStore({ clock: () => nowMs })
  const facts = node()
  store.setNode(facts)
  store.setPod(pod())
  const cpu = () => measureNode(there(store.read('node-0')).entry, nowMs).total.usageCoreNanoSeconds
  const before = cpu()
  store.setNode({ ...facts, scenario: 'node-unreachable' })
  assert.equal(store.node('node-0'), undefined)
  assert.equal(store.read('node-0'), undefined)
  nowMs += 60_000
  store.setNode(facts)
  assert(cpu() > before)
})

stores('reports a bad annotation once while the pod has it', () => {
  const told: string[] = []
  const store = createStore({ onBadAnnotation: (_, { value }) => told.push(value) })
  const bad = pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': 'lots' } })
  for (let at = 0; at < 3; at++) store.setPod(bad)
  store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': 'more' } }))
  assert.deepEqual(told, ['lots', 'more'])
})

stores('is empty when everything is deleted', () => {
  const store = createStore({ clock: () => START_MS })
  for (let at = 0; at < 100; at++) {
    store.setNode(node({ uid: `n${at}`, name: `node-${at}` }))
    store.setPod(pod({ uid: `p${at}`, nodeName: `node-${at}` }))
    store.deleteNode(`n${at}`)
    store.deletePod(`p${at}`)
  }
  assert.deepEqual([store.nodeCount, store.podCount, store.runningPodCount], [0, 0, 0])
})

stores('has a clock that never goes back', () => {
  const times = [5, 3, 9]
  const store = createStore({ clock: () => there(times.shift()) })
  assert.deepEqual([store.now(), store.now(), store.now()], [5, 5, 9])
})

const events = fc.array(
  fc.record({
    waitMs: fc.integer({ min: -1_000, max: 1e10 }),
    uid: fc.constantFrom('a', 'b', 'c'),
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'gone'),
    cpu: fc.constantFrom('0', '1m', '100m', '9000', '8999999'),
  }),
  { maxLength: 40 },
)

stores('no counter of a node decreases for any changes of its pods', () => {
  fc.assert(
    fc.property(events, sequence => {
      let nowMs = START_MS
      const store = createStore({ clock: () => nowMs })
      store.setNode(node())
      let before: number[] = []
      for (const { waitMs, uid, phase, cpu } of sequence) {
        nowMs += waitMs
        if (phase === 'gone') store.deletePod(uid)
        else store.setPod(pod({ uid, phase, annotations: { 'kwok.x-k8s.io/usage-cpu': cpu } }))
        const { node: stats } = buildSummary(measureNode(there(store.node('node-0')), store.now()))
        const after = [
          stats.cpu.usageCoreNanoSeconds,
          stats.memory.pageFaults,
          stats.memory.majorPageFaults,
          stats.network.rxBytes,
          stats.network.txBytes,
        ]
        // Thousands of cores over months have more nanoseconds than a number holds exactly: sums in another order differ by a rounding.
        for (const [index, value] of before.entries()) {
          const least = value > Number.MAX_SAFE_INTEGER ? value * (1 - 4 * Number.EPSILON) : value
          assert(Number(after[index]) >= least, `${value} fell to ${after[index]}`)
        }
        before = after
      }
    }),
    { numRuns: 500 },
  )
})

stores.run()
