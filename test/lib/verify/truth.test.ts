import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { measureNode } from '../../../lib/stats/measure.ts'
import { nodeFacts, podFacts } from '../../../lib/stats/objects.ts'
import { createStore } from '../../../lib/stats/store.ts'
import { buildSummary } from '../../../lib/stats/summary.ts'
import { readCluster } from '../../../lib/verify/cluster.ts'
import { expectedValues, truthKey } from '../../../lib/verify/expect.ts'
import { kubeletUsage } from '../../../lib/verify/kubelets.ts'
import type { Dimension, Truth } from '../../../lib/verify/marks.ts'
import { modelUsage } from '../../../lib/verify/usage.ts'
import { CLUSTER, clusterObjects, fakeApi } from './cluster.ts'

const nowMs = Date.now()
const window = { untilMs: nowMs, lengthMs: 40_000, lateMs: 0 }

/** What must come out, each key's values joined by a slash. Bounds that are one number are that number. */
async function expected(
  truth: Truth,
  filters: Partial<Record<Dimension, string[]>> = {},
): Promise<Record<string, number>> {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const sources = { snapshot, usage: modelUsage(snapshot, 'steady') }
  const tests = Object.entries(filters).map(
    ([dimension, values]) =>
      [dimension as Dimension, { text: values.join(), allows: (value: string) => values.includes(value) }] as const,
  )
  const found = expectedValues(truth, sources, new Map(tests), window)
  return Object.fromEntries(
    [...found].map(([key, { least, most }]) => {
      assert.equal(least, most)
      return [key.split(truthKey(['', ''])).join('/'), least]
    }),
  )
}

const values = suite('expectedValues()')
const GIB = 2 ** 30
for (const [fact, truth, filters, wanted] of [
  ['nodes', { of: 'nodes', by: [] }, {}, { '': 2 }],
  ['nodes by condition', { of: 'nodes', by: ['cluster', 'condition'] }, {}, { 'unit/Ready': 2 }],
  ['pods by node', { of: 'pods', by: ['node'] }, {}, { 'node-a': 4, 'node-b': 3 }],
  ['pods by phase', { of: 'pods', by: ['phase'] }, {}, { Running: 7 }],
  [
    'pods by workload, the Deployment and not its ReplicaSet',
    { of: 'pods', by: ['namespace', 'workload', 'workload_type'] },
    {},
    { 'shop/web/deployment': 4, 'system/agent/daemonset': 2, 'system/alone/barepod': 1 },
  ],
  [
    'pods by service, which is the workload',
    { of: 'pods', by: ['namespace', 'service'] },
    { service: ['web'] },
    { 'shop/web': 4 },
  ],
  ['workloads', { of: 'workloads', by: ['namespace'] }, {}, { shop: 1, system: 2 }],
  ['namespaces', { of: 'namespaces', by: ['cluster'] }, {}, { unit: 2 }],
  [
    'containers of chosen pods',
    { of: 'containers', by: ['pod'] },
    { pod: ['web-1', 'alone'] },
    { 'web-1': 2, alone: 2 },
  ],
  [
    'requests of a chosen node',
    { of: 'cpu-requests', by: ['namespace'] },
    { node: ['node-a'] },
    { shop: 0.75, system: 0.25 },
  ],
  ['limits, where there are any', { of: 'memory-limits', by: ['namespace'] }, {}, { shop: 4 * GIB }],
  ['allocatable of chosen nodes', { of: 'cpu-allocatable', by: [] }, { node: ['node-b'] }, { '': 4 }],
  ['a node’s number whatever namespace is chosen', { of: 'nodes', by: [] }, { namespace: ['shop'] }, { '': 2 }],
  ['quotas', { of: 'quota-cpu-requests', by: ['namespace'] }, {}, { shop: 2 }],
  [
    'a ratio of sums',
    { of: 'cpu-requests', over: 'cpu-allocatable', by: ['node'] },
    {},
    { 'node-a': 0.25, 'node-b': 0.1875 },
  ],
  ['no ratio without a denominator', { of: 'pods', over: 'quota-cpu-requests', by: ['namespace'] }, {}, { shop: 2 }],
] satisfies [string, Truth, Partial<Record<Dimension, string[]>>, Record<string, number>][]) {
  values(fact, async () => assert.deepEqual(await expected(truth, filters), wanted))
}

values('counts the containers of pods that run, and not of those that wait', async () => {
  const objects = JSON.parse(JSON.stringify(clusterObjects()).replace('"phase":"Running"', '"phase":"Pending"'))
  const snapshot = await readCluster(fakeApi(objects), CLUSTER)
  const sources = { snapshot, usage: modelUsage(snapshot, 'steady') }
  const sums = (of: 'containers' | 'cpu-requests') => [...expectedValues({ of, by: [] }, sources, new Map(), window)]
  assert.deepEqual(sums('containers'), [['', { least: 12, most: 12 }]])
  assert.deepEqual(sums('cpu-requests'), [['', { least: 1.75, most: 1.75 }]])
})

values('gives a node the use of its pods, and with its system what its kubelet would say', async () => {
  const own = await expected({ of: 'cpu-usage', by: ['node'] })
  const whole = await expected({ of: 'cpu-usage', by: ['node'], withSystem: true })
  const now = measuredNode('node-a', nowMs).total.usageCoreNanoSeconds
  const before = measuredNode('node-a', nowMs - 40_000).total.usageCoreNanoSeconds
  assertNear(whole['node-a'] ?? 0, (now - before) / 40e9)
  assert.ok((whole['node-a'] ?? 0) > (own['node-a'] ?? 0) + 0.05, 'kubelet and runtime use 55m at the least')
})
values.run()

const real = suite('kubeletUsage()')
real('says of two readings of every kubelet what the model says', async () => {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const reading = (timeMs: number) =>
    new Map(snapshot.nodes.map(({ name }) => [name, { timeMs, summary: buildSummary(measuredNode(name, timeMs)) }]))
  const usage = kubeletUsage(reading(nowMs - 40_000), reading(nowMs))
  const model = modelUsage(snapshot, 'steady')
  for (const measured of [
    'cpu-usage',
    'memory-working-set',
    'memory-rss',
    'network-receive',
    'network-transmit',
  ] as const) {
    const [kubelets, modelled] = [usage.containers(measured, window), model.containers(measured, window)]
    assert.equal(kubelets.size, 7)
    for (const [uid, containers] of modelled) {
      for (const [name, { least }] of containers) assertNear(kubelets.get(uid)?.get(name)?.least ?? 0, least, 0.001)
    }
  }
  const [systems, modelled] = [usage.systems('cpu-usage', window), model.systems('cpu-usage', window)]
  for (const [node, { least }] of modelled) assertNear(systems.get(node)?.least ?? 0, least, 0.001)
})

real('knows little of a pod that only the second reading has', async () => {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const first = new Map(snapshot.nodes.map(({ name }) => [name, { timeMs: nowMs - 40_000, summary: {} }]))
  const second = new Map(
    snapshot.nodes.map(({ name }) => [name, { timeMs: nowMs, summary: buildSummary(measuredNode(name, nowMs)) }]),
  )
  const bounds = kubeletUsage(first, second).containers('cpu-usage', window).get('uid-shop-web-1')?.get('app')
  assert.equal(bounds?.least, 0)
})
real.run()

function measuredNode(name: string, timeMs: number) {
  const objects = clusterObjects()
  const store = createStore()
  for (const raw of objects['/api/v1/nodes'] ?? []) {
    const facts = nodeFacts(raw)
    if (facts !== undefined) store.setNode(facts)
  }
  for (const raw of objects['/api/v1/pods'] ?? []) {
    const facts = podFacts(raw)
    if (facts !== undefined) store.setPod(facts)
  }
  const entry = store.node(name)
  assert(entry)
  return measureNode(entry, timeMs)
}

function assertNear(value: number, wanted: number, part = 1e-6): void {
  if (Math.abs(value - wanted) > Math.abs(wanted) * part) throw new Error(`${value} is not ${wanted}`)
}
