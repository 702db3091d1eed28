import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { KubeClient } from '../../lib/kube/client.ts'
import { parseQuantity } from '../../lib/kube/quantity.ts'
import type { Manifest } from '../../lib/manifest.ts'
import { nodeManifest, readNodeTemplate } from '../../lib/nodes.ts'
import {
  createPodCalls,
  deletePodCalls,
  ensureNamespaces,
  podChanges,
  podKey,
  podManifest,
  podNamespaces,
  podsPerNode,
  readPodTemplate,
  requireRoom,
  waitUntilRunning,
} from '../../lib/pods.ts'

const podOf = (...requests: Record<string, string>[]): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'load', labels: { a: 'b' }, annotations: { c: 'd' } },
  spec: {
    restartPolicy: 'Never',
    containers: requests.map((each, i) => ({ name: `c${i}`, resources: { requests: each } })),
  },
})
const nodeOf = (allocatable: Record<string, string>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n' },
  status: { allocatable },
})
const template = podOf({ cpu: '50m' })

/** A client that answers each request by a function of method and path. */
function answering(answer: (method: string, path: string) => { status: number; body?: unknown }): KubeClient {
  return {
    context: 'test',
    server: 'http://test',
    request: async (method, path) => ({ body: {}, ...answer(method, path) }),
    stream: () => assert.fail('it watches nothing'),
    close() {},
  }
}

const keys = suite('podKey()')
for (const [index, key] of [
  [0, 'team-a/load-00000'],
  [1, 'team-b/load-00001'],
  [3, 'team-d/load-00003'],
  [4, 'team-a/load-00004'],
  [499_999, 'team-d/load-499999'],
] as const) {
  keys(`${index} is ${key}`, () => assert.equal(podKey(template, index), key))
}
keys.run()

const manifests = suite('podManifest()')

manifests('gives name, namespace and mark, and keeps the rest', () => {
  assert.deepEqual(podManifest(template, 5), {
    ...template,
    metadata: {
      name: 'load-00005',
      namespace: 'team-b',
      labels: { a: 'b', 'app.kubernetes.io/managed-by': 'kube-otel-lab' },
      annotations: { c: 'd' },
    },
  })
})

manifests('binds a pod to the node that is named, and none otherwise', () => {
  assert.deepEqual(podManifest(template, 0, 'node-7').spec, { ...(template.spec as object), nodeName: 'node-7' })
  assert(!('nodeName' in (podManifest(template, 0).spec as object)))
})

manifests('leaves the template as it is', () => {
  const before = structuredClone(template)
  podManifest(template, 1, 'node-7')
  assert.deepEqual(template, before)
})
manifests.run()

const changes = suite('podChanges()')
for (const { fact, count, existing, create, remove } of [
  { fact: 'makes all of a new lab', count: 2, existing: [], create: [0, 1], remove: [] },
  { fact: 'has nothing to do when all are there', count: 1, existing: ['team-a/load-00000'], create: [], remove: [] },
  { fact: 'makes the one that lacks', count: 2, existing: ['team-b/load-00001'], create: [0], remove: [] },
  {
    fact: 'takes a pod in another namespace for another',
    count: 1,
    existing: ['x/load-00000'],
    create: [0],
    remove: ['x/load-00000'],
  },
  { fact: 'removes all for 0', count: 0, existing: ['team-a/load-00000'], create: [], remove: ['team-a/load-00000'] },
]) {
  changes(fact, () => assert.deepEqual(podChanges(template, count, existing), { create, remove }))
}
changes.run()

const room = suite('podsPerNode()')
const big = { cpu: '8', memory: '32Gi', pods: '110' }
for (const { fact, pod, node, fits } of [
  { fact: 'by CPU, nine tenths of it', pod: podOf({ cpu: '100m' }), node: { ...big, cpu: '1' }, fits: 9 },
  { fact: 'by memory', pod: podOf({ memory: '1Gi' }), node: { ...big, memory: '10Gi' }, fits: 9 },
  { fact: 'by pods, less eight that are kept free', pod: podOf({ cpu: '1m', memory: '1Mi' }), node: big, fits: 102 },
  {
    fact: 'by the sum of the containers',
    pod: podOf({ cpu: '100m' }, { cpu: '150m' }),
    node: { ...big, cpu: '1' },
    fits: 3,
  },
  { fact: 'by pods alone when nothing is requested', pod: podOf({}), node: big, fits: 102 },
  { fact: 'none when one is too large', pod: podOf({ memory: '64Gi' }), node: big, fits: 0 },
  { fact: 'none, and not fewer, on a node for few pods', pod: podOf({}), node: { ...big, pods: '5' }, fits: 0 },
]) {
  room(fact, () => assert.equal(podsPerNode(pod, nodeOf(node)), fits))
}

room('is 102 of the lab’s own templates at 8 CPUs, and 15 at one', () => {
  const of = (cpus: number) => podsPerNode(readPodTemplate(), nodeManifest(readNodeTemplate(), 0, cpus))
  assert.deepEqual([of(8), of(1)], [102, 15])
})
room.run()

const requires = suite('requireRoom()')

requires('accepts what fits, to the last pod', () => {
  requireRoom(100, 10, 10)
  requireRoom(0, 0, 0)
})

requires('refuses one more, and says how many nodes or pods it would take', () => {
  assert.throws(() => requireRoom(101, 10, 10), {
    name: 'UsageError',
    exitCode: 2,
    message: 'POD_COUNT=101 is more than 10 nodes can hold: 10 pods of the template fit on a node beside the workloads',
    next: 'set NODE_COUNT to 11 or more, or POD_COUNT to 100 or less',
  })
})

requires('does not ask for more nodes when not one pod fits on a node', () => {
  assert.throws(
    () => requireRoom(5, 10, 0),
    (error: { next?: string }) => {
      assert.doesNotMatch(error.next ?? '', /NODE_COUNT to/)
      return true
    },
  )
})
requires.run()

const templates = suite('readPodTemplate()')
templates('gives each container requests and limits, the requests no higher', () => {
  const { containers } = readPodTemplate().spec as {
    containers: { resources: { requests: Record<string, string>; limits: Record<string, string> } }[]
  }
  assert(containers.length > 0)
  for (const { resources } of containers) {
    for (const resource of ['cpu', 'memory']) {
      const of = (kind: 'requests' | 'limits') => parseQuantity(resources[kind][resource] ?? '') ?? Number.NaN
      assert(of('requests') > 0 && of('requests') <= of('limits'), resource)
    }
  }
})
templates.run()

const calls = suite('createPodCalls(), deletePodCalls()')

calls('posts each pod into its namespace', () => {
  const made = [podManifest(template, 0), podManifest(template, 1)]
  assert.deepEqual(createPodCalls(made), [
    { method: 'POST', path: '/api/v1/namespaces/team-a/pods', body: made[0] },
    { method: 'POST', path: '/api/v1/namespaces/team-b/pods', body: made[1] },
  ])
})

calls('deletes each pod at once', () => {
  assert.deepEqual(deletePodCalls(['team-a/load-00000']), [
    { method: 'DELETE', path: '/api/v1/namespaces/team-a/pods/load-00000', body: { gracePeriodSeconds: 0 } },
  ])
})
calls.run()

const namespaces = suite('ensureNamespaces()')
namespaces('waits for the service account of each', async () => {
  const said: string[] = []
  let tries = 0
  const client = answering((method, path) => {
    said.push(`${method} ${path}`)
    if (method === 'POST') return { status: 409, body: { reason: 'AlreadyExists' } }
    return { status: path.includes('team-b') && tries++ < 1 ? 404 : 200 }
  })
  await ensureNamespaces(client, podNamespaces.slice(0, 2))
  assert.deepEqual(said, [
    'POST /api/v1/namespaces',
    'POST /api/v1/namespaces',
    'GET /api/v1/namespaces/team-a/serviceaccounts/default',
    'GET /api/v1/namespaces/team-b/serviceaccounts/default',
    'GET /api/v1/namespaces/team-b/serviceaccounts/default',
  ])
})
namespaces.run()

const waits = suite('waitUntilRunning()')

waits('asks for pods that neither run nor have succeeded, until there are none, and says how many', async () => {
  const pendings: string[] = []
  const lists = [
    { items: [{}, {}], metadata: { continue: 'x' } },
    { items: [{}], metadata: {} },
    { items: [], metadata: {} },
  ]
  const paths: string[] = []
  const client = answering((_, path) => {
    paths.push(path)
    return { status: 200, body: lists.shift() }
  })
  await waitUntilRunning(client, { labelSelector: 'a=b', count: 2, onPending: text => pendings.push(text) })
  assert.deepEqual(pendings, ['2+', '1'])
  const query = new URLSearchParams(paths[0]?.split('?')[1])
  assert.equal(query.get('labelSelector'), 'a=b')
  assert.equal(query.get('fieldSelector'), 'status.phase!=Running,status.phase!=Succeeded')
})

waits('gives up in time with what the scheduler says', async () => {
  const pod = {
    metadata: { namespace: 'team-a', name: 'load-00000' },
    status: { conditions: [{ type: 'PodScheduled', message: '0/1 nodes are available' }] },
  }
  const client = answering(() => ({ status: 200, body: { items: [pod], metadata: {} } }))
  // A time that has passed already: 60 s less 1,300 pods that are not.
  await assert.rejects(waitUntilRunning(client, { labelSelector: 'a=b', count: -1_300 }), {
    name: 'LabError',
    message: '1 pods do not run: team-a/load-00000: 0/1 nodes are available',
  })
})
waits.run()
