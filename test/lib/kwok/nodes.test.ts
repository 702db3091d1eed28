import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { createClient, type KubeClient } from '../../../lib/kube/api-client.ts'
import { fields } from '../../../lib/kube/json.ts'
import {
  createNodes,
  deleteNodes,
  nodeManifest,
  nodeName,
  readNodeTemplate,
  waitUntilReady,
} from '../../../lib/kwok/nodes.ts'
import { changesTo } from '../../../lib/kwok/pods.ts'
import type { Manifest } from '../../../lib/lab/manifest.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'

const template: Manifest = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'sim',
    labels: { type: 'kwok', 'kubernetes.io/hostname': 'replaced' },
    annotations: { 'kwok.x-k8s.io/node': 'fake' },
  },
  status: { allocatable: { cpu: '8', memory: '32Gi' }, capacity: { cpu: '8', pods: '110' }, nodeInfo: { os: 'linux' } },
}

const names = suite('nodeName()')
for (const [index, name] of [
  [0, 'sim-0000'],
  [42, 'sim-0042'],
  [19_999, 'sim-19999'],
] as const) {
  names(`${index} is ${name}`, () => assert.equal(nodeName(template, index), name))
}
names.run()

const manifests = suite('nodeManifest()')

manifests('gives name, hostname, zone, mark and CPUs, and keeps the rest', () => {
  assert.deepEqual(nodeManifest(template, 7, 16), {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: 'sim-0007',
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: {
        type: 'kwok',
        'app.kubernetes.io/managed-by': 'kube-otel-lab',
        'kubernetes.io/hostname': 'sim-0007',
        'topology.kubernetes.io/zone': 'lab-zone-b',
      },
    },
    status: {
      allocatable: { cpu: '16', memory: '32Gi' },
      capacity: { cpu: '16', pods: '110' },
      nodeInfo: { os: 'linux' },
    },
  })
})

manifests('spreads nodes over three zones by turns', () => {
  const zones = [0, 1, 2, 3].map(
    index => nodeManifest(template, index, 8).metadata.labels?.['topology.kubernetes.io/zone'],
  )
  assert.deepEqual(zones, ['lab-zone-a', 'lab-zone-b', 'lab-zone-c', 'lab-zone-a'])
})

manifests('leaves the template as it is', () => {
  const before = structuredClone(template)
  nodeManifest(template, 0, 64)
  assert.deepEqual(template, before)
})
manifests.run()

const changes = suite('changesTo() nodes')
for (const { fact, count, existing, create, remove } of [
  { fact: 'makes all of a new lab', count: 2, existing: [], create: [0, 1], remove: [] },
  {
    fact: 'has nothing to do when all are there',
    count: 2,
    existing: ['sim-0001', 'sim-0000'],
    create: [],
    remove: [],
  },
  {
    fact: 'makes those that lack, also in the middle',
    count: 3,
    existing: ['sim-0000', 'sim-0002'],
    create: [1],
    remove: [],
  },
  { fact: 'removes the last ones', count: 1, existing: ['sim-0000', 'sim-0001'], create: [], remove: ['sim-0001'] },
  {
    fact: 'replaces those of a template that had another name',
    count: 1,
    existing: ['old-0000'],
    create: [0],
    remove: ['old-0000'],
  },
]) {
  changes(fact, () =>
    assert.deepEqual(
      changesTo(count, index => nodeName(template, index), existing),
      { create, remove },
    ),
  )
}
changes.run()

const templates = suite('readNodeTemplate()')
templates('has what a simulated node needs', () => {
  const { metadata, status } = readNodeTemplate()
  assert.equal(metadata.annotations?.['kwok.x-k8s.io/node'], 'fake')
  assert.equal(metadata.labels?.type, 'kwok')
  assert(metadata.labels?.['node.kubernetes.io/instance-type'])
  for (const resources of ['allocatable', 'capacity']) {
    const { cpu, memory, pods } = fields(fields(status)[resources])
    assert.deepEqual({ cpu, memory, pods }, { cpu: '8', memory: '32Gi', pods: '110' })
  }
})
templates.run()

/** A client that notes each call, and knows one pod on each node. */
function noting(): { client: KubeClient; calls: string[] } {
  const calls: string[] = []
  const client: KubeClient = {
    context: 'test',
    server: 'http://test',
    async request(method, path, options) {
      calls.push(`${method} ${path}${options?.body === undefined ? '' : ` ${JSON.stringify(options.body)}`}`)
      return method === 'GET'
        ? { status: 200, body: { items: [{ metadata: { namespace: 'ns', name: 'p' } }] } }
        : { status: 201, body: {} }
    },
    stream: () => assert.fail('it watches nothing'),
    close() {},
  }
  return { client, calls }
}

const creates = suite('createNodes()')
creates('posts each manifest', async () => {
  const { client, calls } = noting()
  const done: number[] = []
  const manifests = [0, 1].map(index => nodeManifest(template, index, 8))
  await createNodes(client, manifests, count => done.push(count))
  assert.deepEqual(
    calls,
    manifests.map(body => `POST /api/v1/nodes ${JSON.stringify(body)}`),
  )
  assert.deepEqual(done, [1, 2])
})
creates.run()

const deletes = suite('deleteNodes()')
deletes('deletes the node, then at once the pods that were on it', async () => {
  const { client, calls } = noting()
  await deleteNodes(client, ['sim-0001'])
  assert.deepEqual(calls, [
    'DELETE /api/v1/nodes/sim-0001',
    'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dsim-0001',
    'DELETE /api/v1/namespaces/ns/pods/p {"gracePeriodSeconds":0}',
  ])
})
deletes.run()

const waits = suite('waitUntilReady()')
for (const { fact, becomesReady, expected } of [
  { fact: 'lists the nodes once, watches them until all are Ready, and gives their number', becomesReady: true },
  {
    fact: 'names the first nodes that are not Ready in time',
    becomesReady: false,
    expected: /^Timed out after \d s waiting for all nodes to be Ready: 1 of 2 are not Ready, the first are sim-0001$/,
  },
]) {
  waits(fact, async () => {
    const node = (name: string, status: string) => ({
      metadata: { uid: name, name, resourceVersion: '2' },
      status: { conditions: [{ type: 'Ready', status }] },
    })
    const items = [node('sim-0000', 'True'), node('sim-0001', 'False')]
    let requests = 0
    const api = await fakeApi((request, response) => {
      requests++
      if (request.url?.includes('watch=') !== true) {
        return answer(response, 200, { metadata: { resourceVersion: '1' }, items })
      }
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      const object = node('sim-0001', 'True')
      if (becomesReady) setTimeout(() => response.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`), 150)
    })
    const client = createClient(api.credentials)
    try {
      const waiting = waitUntilReady(client, { timeoutMs: becomesReady ? 60_000 : 1_000 })
      if (expected !== undefined) await assert.rejects(waiting, { name: 'LabError', message: expected })
      else assert.equal(await waiting, 2)
      assert.equal(requests, 2)
    } finally {
      client.close()
      await api.close()
    }
  })
}
waits.run()
