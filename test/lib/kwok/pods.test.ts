import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { suite } from 'uvu'
import { createClient, type KubeClient } from '../../../lib/kube/api-client.ts'
import { parseQuantity } from '../../../lib/kube/quantity.ts'
import { nodeManifest, readNodeTemplate } from '../../../lib/kwok/nodes.ts'
import {
  changesTo,
  createPodCalls,
  deletePodCalls,
  ensureNamespaces,
  podCapacity,
  podKey,
  podManifest,
  podNamespaces,
  podRequests,
  readPodTemplate,
  requireCapacity,
  waitUntilRunning,
} from '../../../lib/kwok/pods.ts'
import { workloadRequests } from '../../../lib/kwok/workloads.ts'
import type { Manifest } from '../../../lib/lab/manifest.ts'
import { tempLab } from '../../support/temp-lab.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'

const podOf = (...requests: Record<string, string>[]): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'load', labels: { a: 'b' }, annotations: { c: 'd' } },
  spec: {
    restartPolicy: 'Never',
    containers: requests.map((each, i) => ({ name: `c${i}`, resources: { requests: each } })),
  },
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

const changes = suite('changesTo() pods')
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
  changes(fact, () =>
    assert.deepEqual(
      changesTo(count, index => podKey(template, index), existing),
      { create, remove },
    ),
  )
}
changes.run()

const requests = suite('podRequests()')
requests('is the sum of the containers’ requests', () => {
  const pod = podOf({ cpu: '100m', memory: '1Gi' }, { cpu: '150m' })
  assert.deepEqual(podRequests(pod['spec']), { cpu: 0.25, memoryBytes: 2 ** 30, pods: 1 })
})
requests.run()

const capacity = suite('podCapacity()')
const big = { cpu: '8', memory: '32Gi', pods: '110' }
const nothing = { cpu: 0, memoryBytes: 0, pods: 0 }
const none = { perNode: nothing, anywhere: nothing }
for (const { fact, pod, node, nodes, workloads, fits } of [
  {
    fact: 'by CPU, nine tenths of it',
    pod: podOf({ cpu: '100m' }),
    node: { ...big, cpu: '1' },
    nodes: 1,
    workloads: none,
    fits: 9,
  },
  {
    fact: 'by memory',
    pod: podOf({ memory: '1Gi' }),
    node: { ...big, memory: '10Gi' },
    nodes: 2,
    workloads: none,
    fits: 18,
  },
  { fact: 'by pods when nothing is requested', pod: podOf({}), node: big, nodes: 1, workloads: none, fits: 99 },
  {
    fact: 'minus the requests on every node',
    pod: podOf({ cpu: '100m' }),
    node: { ...big, cpu: '1' },
    nodes: 2,
    workloads: { perNode: { cpu: 0.5, memoryBytes: 0, pods: 1 }, anywhere: nothing },
    fits: 8,
  },
  {
    fact: 'minus the requests of other workloads',
    pod: podOf({ cpu: '100m' }),
    node: { ...big, cpu: '1' },
    nodes: 2,
    workloads: { perNode: nothing, anywhere: { cpu: 0.5, memoryBytes: 0, pods: 1 } },
    fits: 13,
  },
  {
    fact: 'none when the workloads fill the nodes',
    pod: podOf({ cpu: '100m' }),
    node: { ...big, cpu: '1' },
    nodes: 1,
    workloads: { perNode: nothing, anywhere: { cpu: 4, memoryBytes: 0, pods: 20 } },
    fits: 0,
  },
]) {
  const manifest: Manifest = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status: { allocatable: node } }
  capacity(fact, () => assert.equal(podCapacity(pod, manifest, nodes, workloads), fits))
}

capacity('suffices for the defaults, and for 10,000 pods on 1,000 nodes', () => {
  const node = nodeManifest(readNodeTemplate(), 0, 8)
  for (const metrics of ['otel', 'both'] as const) {
    const requests = workloadRequests(tempLab({ metrics }))
    assert(podCapacity(readPodTemplate(), node, 50, requests) >= 200)
    assert(podCapacity(readPodTemplate(), node, 1_000, requests) >= 10_000)
  }
})
capacity.run()

const requires = suite('requireCapacity()')
requires('accepts what fits, to the last pod', () => {
  requireCapacity(100, 10, 100)
  requireCapacity(0, 1, 0)
})
requires('refuses one more pod, and reports how many fit', () => {
  assert.throws(() => requireCapacity(101, 10, 100), {
    name: 'UsageError',
    exitCode: 2,
    message:
      'POD_COUNT=101 is more than 10 nodes can hold: there is room for 100 pods of the template beside the workloads',
    next: 'set POD_COUNT to 100 or less, or increase NODE_COUNT or NODE_CPU',
  })
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

const metadataOf = (name: string, resourceVersion = '1') => ({
  metadata: { uid: name, namespace: 'team-a', name, resourceVersion },
})
const listOf = (names: string[], resourceVersion: string) => ({
  metadata: { resourceVersion },
  items: names.map(name => metadataOf(name)),
})
const options = { labelSelector: 'a=b', count: 2 }

/** Waits on a server that answers lists and watches as told; gives the paths of all requests. */
async function waitOn(
  onList: (response: ServerResponse) => void,
  onWatch: (response: ServerResponse, resourceVersion: string) => void,
  timeoutMs = 60_000,
): Promise<URL[]> {
  const asked: URL[] = []
  const api = await fakeApi((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    asked.push(url)
    if (url.pathname.startsWith('/api/v1/namespaces/team-a/pods/')) {
      const conditions = [{ type: 'PodScheduled', message: '0/1 nodes are available' }]
      return answer(response, 200, { ...metadataOf('p0'), status: { conditions } })
    }
    const isWatch = url.searchParams.has('watch')
    assert.match(request.headers.accept ?? '', isWatch ? /as=PartialObjectMetadata;/ : /as=PartialObjectMetadataList;/)
    if (!isWatch) return onList(response)
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    onWatch(response, url.searchParams.get('resourceVersion') ?? '')
  })
  const client = createClient(api.credentials)
  try {
    await waitUntilRunning(client, { ...options, timeoutMs })
    return asked
  } finally {
    client.close()
    await api.close()
  }
}
const send = (response: ServerResponse, type: string, object: unknown) =>
  response.write(`${JSON.stringify({ type, object })}\n`)

waits('lists the pods that do not run once, and watches them until there are none', async () => {
  const asked = await waitOn(
    response => answer(response, 200, listOf(['p0', 'p1'], '7')),
    response => {
      send(response, 'DELETED', metadataOf('p0', '8'))
      setTimeout(() => send(response, 'DELETED', metadataOf('p1', '9')), 250)
    },
  )
  assert.equal(asked.length, 2)
  for (const { searchParams } of asked) {
    assert.equal(searchParams.get('labelSelector'), 'a=b')
    assert.equal(searchParams.get('fieldSelector'), 'status.phase!=Running,status.phase!=Succeeded')
  }
  assert.equal(asked[1]?.searchParams.get('resourceVersion'), '7')
})

waits('goes on after a watch that ends, one that is cut off, and a revision that is compacted', async () => {
  const watched: string[] = []
  let lists = 0
  await waitOn(
    response => answer(response, 200, listOf(++lists === 1 ? ['p0', 'p1', 'p2'] : ['p2'], lists === 1 ? '7' : '20')),
    (response, resourceVersion) => {
      watched.push(resourceVersion)
      if (watched.length === 1) {
        send(response, 'DELETED', metadataOf('p0', '8'))
        response.end()
      } else if (watched.length === 2) response.destroy()
      else if (watched.length === 3) send(response, 'ERROR', { code: 410, message: 'too old resource version' })
      else send(response, 'DELETED', metadataOf('p2', '21'))
    },
  )
  assert.deepEqual(watched.slice(0, 2), ['7', '8'])
  assert.equal(watched.at(-1), '20')
  assert.equal(lists, 2)
})

waits('times out with the number of pods and the scheduler’s message about the first', async () => {
  const waiting = waitOn(
    response => answer(response, 200, listOf(['p0', 'p1'], '7')),
    () => {},
    1_000,
  )
  await assert.rejects(waiting, {
    name: 'LabError',
    message: /^Timed out after \d s waiting for 2 pods to run: 2 do not run yet; team-a\/p0: 0\/1 nodes are available$/,
    next: 'make kwok-status, or set POD_COUNT to less or NODE_COUNT to more',
  })
})

waits('reports a failed request as the reason', async () => {
  const waiting = waitOn(
    response => answer(response, 403, { message: 'pods is forbidden' }),
    () => assert.fail('watched'),
    1_000,
  )
  const message = /^Timed out after \d s waiting for 2 pods to run: Cannot list \/api\/v1\/pods: 403 pods is forbidden$/
  await assert.rejects(waiting, { name: 'LabError', message })
})
waits.run()
