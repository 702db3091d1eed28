import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { buildSummary } from '../../../../lib/kubelet/endpoints/stats-summary.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { createUsageObjects, type UsageObject, usageObject } from '../../../../lib/kubelet/usage/usage-objects.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

function cluster(name: string, usages: unknown[], selector: unknown = undefined): UsageObject {
  return there(usageObject('ClusterResourceUsage', { metadata: { uid: name, name }, spec: { selector, usages } }))
}

function own(name: string, usages: unknown[], namespace = 'shop'): UsageObject {
  return there(usageObject('ResourceUsage', { metadata: { uid: `own-${name}`, name, namespace }, spec: { usages } }))
}

const cpu = (value: string, containers?: string[]) => ({ containers, usage: { cpu: { value } } })
const facts = pod()
const [app, proxy] = facts.containers.map(there)

function said(objects: UsageObject[], container = app, problems: string[] = []) {
  const usageObjects = createUsageObjects((_, { why }) => problems.push(why))
  for (const object of objects) usageObjects.set(object)
  return usageObjects.usageOf(facts, there(container), 'cpu', node())
}

const usageOf = suite('usageOf()')

usageOf("a pod's own ResourceUsage goes first, and lets no other in", () => {
  const all = cluster('all', [cpu('1')])
  assert.equal(said([all]), 1e9)
  assert.equal(said([all, own('web', [cpu('2')])]), 2e9)
  assert.equal(said([all, own('web', [cpu('2', ['proxy'])])]), undefined)
  assert.equal(said([all, own('web', [cpu('2')], 'elsewhere')]), 1e9)
  assert.equal(said([all, own('other', [cpu('2')])]), 1e9)
})

usageOf('takes the first ClusterResourceUsage by name that matches and has the container and resource', () => {
  const memory = cluster('a', [{ usage: { memory: { value: '1Gi' } } }])
  const elsewhere = cluster('b', [cpu('1')], { matchNamespaces: ['kube-system'] })
  const named = cluster('c', [cpu('2', ['proxy']), cpu('3')], { matchNamespaces: ['shop'], matchNames: ['web'] })
  const objects = [cluster('d', [cpu('4')]), named, elsewhere, memory]
  assert.equal(said(objects), 3e9)
  assert.equal(said(objects, proxy), 2e9)
})

usageOf('ignores an object that is only for KWOK', () => {
  const metadata = { uid: 'u', name: 'a', annotations: { 'kube-otel-lab/for-kwok-alone': 'true' } }
  const raw = { metadata, spec: { usages: [cpu('1')] } }
  assert.equal(usageObject('ClusterResourceUsage', raw), undefined)
  assert.notEqual(
    usageObject('ClusterResourceUsage', { ...raw, metadata: { ...metadata, annotations: {} } }),
    undefined,
  )
})

usageOf('prefers a value to an expression', () => {
  const both = cluster('a', [{ usage: { cpu: { value: '1', expression: 'Quantity("2")' } } }])
  assert.equal(said([both]), 1e9)
})

usageOf('evaluates an expression that depends on time at each time', () => {
  const usage = said([cluster('a', [{ usage: { cpu: { expression: 'pod.SinceSecond() * 0.001' } } }])])
  assert(typeof usage === 'object')
  assert.deepEqual([usage.at(START_MS + 10_000), usage.at(START_MS + 20_000)], [10e6, 20e6])
})

for (const [expression, why] of [
  ['Quantity(pod.metadata.annotations["x"])', /cpu: No such key: x/],
  ['0.0 - 1.0', /cpu: gives -1, which is negative/],
  ['1.0e30', /cpu: gives 1e\+30, which is too large/],
  ['0.0 / 0.0', /cpu: gives NaN/],
] as const) {
  usageOf(`${expression} gives no usage, and reports why`, () => {
    const problems: string[] = []
    assert.equal(said([cluster('a', [{ usage: { cpu: { expression } } }])], app, problems), undefined)
    assert.match(problems.join(), why)
  })
}

usageOf.run()

const narrows = suite('usageObject()')

for (const [amount, why] of [
  [{ value: 'lots' }, /cpu: "lots" is not a quantity/],
  [{ value: '-1' }, /cpu: "-1" is negative or too large/],
  [{ value: '1e30' }, /cpu: "1e30" is negative or too large/],
  [{ expression: '1 +' }, /cpu: Unexpected token/],
] as const) {
  narrows(`omits ${JSON.stringify(amount)}, and keeps the rest`, () => {
    const object = cluster('a', [{ usage: { cpu: amount, memory: { value: '1Mi' } } }])
    assert.deepEqual(object.entries, [{ containers: [], amounts: { memory: { value: 2 ** 20 } } }])
    assert.match(object.problems.join(), why)
  })
}

narrows.run()

const stores = suite('createStore() with usage objects')

stores('a failing expression affects no other pod, and gives no invalid number', () => {
  const problems: string[] = []
  const store = createStore({
    clock: () => START_MS + 60_000,
    onUsageProblem: (each, { why }) => problems.push(`${each.uid} ${why}`),
  })
  store.setNode(node())
  store.setUsageObject(cluster('a', [{ usage: { cpu: { expression: 'Quantity(pod.metadata.annotations["x"])' } } }]))
  store.setPod(pod({ uid: 'good', annotations: { x: '100m' } }))
  store.setPod(pod({ uid: 'none' }))
  store.setPod(pod({ uid: 'bad', annotations: { x: 'lots' } }))
  const { pods } = buildSummary(measureNode(there(store.node('node-0')), store.now()))
  assert.deepEqual(
    pods.map(({ cpu }) => cpu.usageNanoCores > 0),
    [true, true, true],
  )
  assert.equal(pods[0]?.cpu.usageNanoCores, 200e6)
  assert.deepEqual([...new Set(problems)].length, 2)
})

stores('an expression over time or chance reads the current Node and Pod', () => {
  let nowMs = START_MS + 60_000
  const problems: string[] = []
  const store = createStore({ clock: () => nowMs, onUsageProblem: (_, { why }) => problems.push(why) })
  const cores = () => {
    const { entry } = there(store.read('node-0'))
    return there(measureNode(entry, nowMs).pods[0]).total.usageNanoCores / 1e9
  }
  const expression =
    '(Rand() < 2.0 ? 1.0 : 0.0) * (Quantity(node.status.capacity.cpu) + Quantity(pod.metadata.annotations["x"]))'
  store.setUsageObject(cluster('a', [{ usage: { cpu: { expression } } }]))
  const withX = (x: string) => pod({ containers: [{ name: 'app' }], annotations: { x } })
  store.setPod(withX('1'))
  store.setNode(node())
  problems.length = 0
  assert.equal(cores(), 8 + 1)
  const smaller = { status: { capacity: { cpu: '4' } } }
  store.setNode({ ...node(), object: smaller })
  assert.equal(cores(), 4 + 1)
  // The same again, then another, each with the text of the one before given up.
  for (const x of ['1', '1', '2', '2']) {
    nowMs += 60_000
    store.setPod(withX(x))
  }
  assert.equal(cores(), 4 + 2)
  nowMs += 60_000
  store.deletePod('uid-web')
  assert.deepEqual(problems, [])
})

stores('a new object of the same name counts, in any order of events', () => {
  const store = createStore({ clock: () => START_MS + 60_000 })
  const cores = () => there(measureNode(there(store.node('node-0')), store.now()).pods[0]).total.usageNanoCores / 1e9
  store.setNode(node())
  store.setPod(pod({ containers: [{ name: 'app' }] }))
  store.setUsageObject(own('web', [cpu('1')]))
  store.setUsageObject({ ...own('web', [cpu('2')]), uid: 'anew' })
  store.deleteUsageObject('own-web')
  assert.equal(cores(), 2)
  assert.equal(store.usageObjectCount, 1)
  store.deleteUsageObject('anew')
  assert(cores() < 1)
})

stores('changing or deleting an object changes usage from now on', () => {
  let nowMs = START_MS
  const store = createStore({ clock: () => nowMs })
  const seconds = () => buildSummary(measureNode(there(store.node('node-0')), store.now())).pods[0]?.containers[0]?.cpu
  store.setNode(node())
  store.setUsageObject(cluster('a', [cpu('100m')]))
  store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '10m' } }))
  nowMs += 10_000
  assert.equal(seconds()?.usageCoreNanoSeconds, 1e9)
  store.setUsageObject(cluster('a', [cpu('50m')]))
  nowMs += 10_000
  assert.equal(seconds()?.usageCoreNanoSeconds, 1.5e9)
  store.deleteUsageObject('a')
  nowMs += 10_000
  assert.equal(seconds()?.usageCoreNanoSeconds, 1.6e9)
  assert.equal(store.usageObjectCount, 0)
})

stores.run()
