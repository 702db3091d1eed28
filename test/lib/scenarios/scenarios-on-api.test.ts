/** The scenarios on a real kube-apiserver, with the rights of the holder, and without controllers and KWOK. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite } from 'uvu'
import { connect, type KubeClient } from '../../../lib/kube/api-client.ts'
import { fields, items } from '../../../lib/kube/json.ts'
import { type Lab, projectDir } from '../../../lib/lab/lab.ts'
import { type ScenarioRun, TargetGoneError } from '../../../lib/scenarios/scenario.ts'
import { scenarioNamed } from '../../../lib/scenarios/scenario-list.ts'
import { chooseTarget } from '../../../lib/scenarios/scenario-targets.ts'
import { readYamlDocuments } from '../../../lib/system/yaml-files.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'

const POD = 'team-a/app'
const NODE = 'node-0'
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${NODE}`
const STARTED = '2026-11-29T08:00:00Z'

const collections: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/namespaces/kube-otel-lab/serviceaccounts',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-node-lease/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-node-lease/rolebindings',
}

const api = suite<{ server: ApiServer; client: KubeClient & Disposable }>('scenarios on kube-apiserver')

api.before(async context => {
  const server = await startApiServer()
  for (const name of ['kube-otel-lab', 'team-a', 'empty']) {
    await server.create('/api/v1/namespaces', { metadata: { name } })
  }
  for (const object of readYamlDocuments(join(projectDir, 'kwok-config', 'rbac-scenarios.yaml'))) {
    await server.create(collections[String(fields(object)['kind'])] ?? '', object)
  }
  const path = '/api/v1/namespaces/kube-otel-lab/serviceaccounts/scenarios/token'
  const { body } = await server.client.request('POST', path, { body: { spec: {} } })
  const token = String(fields(fields(body)['status'])['token'])
  Object.assign(context, { server, client: await connect({ kubeconfig: server.kubeconfig(token) }) })
})
api.after(async ({ server, client }) => {
  client.close()
  await server.stop()
})

const condition = (type: string, status = 'True') => ({ type, status, lastTransitionTime: STARTED, reason: 'R' })

api.before.each(async ({ server }) => {
  await server.create('/api/v1/nodes', { metadata: { name: NODE } })
  await put(server, `/api/v1/nodes/${NODE}/status`, {
    status: {
      allocatable: { cpu: '7500m' },
      conditions: [condition('Ready'), condition('MemoryPressure', 'False')],
    },
  })
  const spec = { holderIdentity: 'kwok', leaseDurationSeconds: 40, renewTime: '2026-11-29T08:00:00.000000Z' }
  await server.create(LEASE.slice(0, LEASE.lastIndexOf('/')), { metadata: { name: NODE }, spec })
  await createPod(server)
})
api.after.each(async ({ server: { client } }) => {
  for (const path of [podPath(POD), `/api/v1/nodes/${NODE}`, LEASE]) {
    await client.request('DELETE', path, { body: { gracePeriodSeconds: 0 } })
  }
})

async function createPod(server: ApiServer, target = POD): Promise<void> {
  const [namespace = '', name = ''] = target.split('/')
  const containers = ['app', 'sidecar'].map(each => ({ name: each, image: `registry.example/${each}:1` }))
  await server.create(`/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name },
    spec: { nodeName: NODE, containers },
  })
  const containerStatuses = containers.map(each => ({
    ...{ ...each, imageID: '', ready: true, restartCount: 2 },
    state: { running: { startedAt: STARTED } },
    lastState: {},
  }))
  const conditions = ['Initialized', 'Ready', 'ContainersReady'].map(type => condition(type))
  await put(server, `${podPath(target)}/status`, { status: { phase: 'Running', conditions, containerStatuses } })
}

async function put({ client }: ApiServer, path: string, body: unknown): Promise<void> {
  const { status } = await client.request('PATCH', path, { body, contentType: 'application/merge-patch+json' })
  assert.equal(status, 200)
}

function podPath(target: string): string {
  return `/api/v1/namespaces/${target.replace('/', '/pods/')}`
}

async function get({ client }: ApiServer, path: string): Promise<Record<string, unknown>> {
  return fields((await client.request('GET', path)).body)
}

/** A run of a scenario that began some seconds ago. */
function runOf(client: KubeClient, name: string, target: string, seconds = 0): ScenarioRun {
  const startMs = Date.now() - seconds * 1_000
  const run: ScenarioRun = {
    ...{ lab: {} as Lab, client, name, target, startMs, untilMs: startMs + 600_000, saved: undefined },
    save(value) {
      // As the journal keeps it.
      run.saved = JSON.parse(JSON.stringify(value))
    },
  }
  return run
}

/** The object without what each write changes. */
function plain(object: unknown): unknown {
  const text = JSON.stringify(object, (name, value) =>
    /^(resourceVersion|managedFields|lastTransitionTime|lastHeartbeatTime|observedGeneration)$/.test(name)
      ? undefined
      : value,
  )
  return JSON.parse(text)
}

function conditionsOf(object: unknown): Record<string, unknown> {
  const all = items(fields(fields(object)['status'])['conditions']).map(fields)
  return Object.fromEntries(all.map(({ type, status }) => [String(type), status]))
}

api(
  'a crash loop is in status, conditions, annotation and events, and healing leaves a ready container',
  async ({ server, client }) => {
    const before = await get(server, podPath(POD))
    const scenario = scenarioNamed('crash-loop')
    const run = runOf(client, 'crash-loop', POD, 8)
    assert((await scenario.hold(run)) <= 5_000)
    const failing = await get(server, podPath(POD))
    const [app, sidecar] = items(fields(failing['status'])['containerStatuses']).map(fields)
    assert.deepEqual([app?.['ready'], app?.['restartCount'], sidecar?.['ready']], [false, 3, true])
    assert.deepEqual(Object.keys(fields(app?.['state'])), ['waiting'])
    assert.deepEqual(Object.keys(fields(app?.['lastState'])), ['terminated'])
    assert.deepEqual(conditionsOf(failing), { Initialized: 'True', Ready: 'False', ContainersReady: 'False' })
    assert.deepEqual(fields(fields(failing['metadata'])['annotations']), { 'kube-otel-lab/scenario': 'crash-loop' })
    // Again, as another process: nothing changes, and no event comes twice.
    const events = async () => {
      const list = await get(server, '/api/v1/namespaces/team-a/events')
      return items(list['items']).map(each => `${fields(each)['reason']} ${fields(each)['count']}`)
    }
    const seen = await events()
    assert.deepEqual(seen.sort(), ['BackOff 1', 'Created 1', 'Pulled 1', 'Started 1'])
    await scenario.hold({ ...runOf(client, 'crash-loop', POD), startMs: run.startMs, saved: run.saved })
    assert.deepEqual(await get(server, podPath(POD)), failing)
    assert.equal((await events()).length, seen.length)

    await scenario.undo(run)
    const healed = await get(server, podPath(POD))
    const [again] = items(fields(healed['status'])['containerStatuses']).map(fields)
    assert.deepEqual([again?.['ready'], again?.['restartCount']], [true, 4])
    assert.deepEqual(Object.keys(fields(again?.['state'])), ['running'])
    assert.deepEqual(conditionsOf(healed), conditionsOf(before))
    assert.deepEqual(fields(healed['metadata'])['annotations'] ?? {}, {})
    await scenario.undo(run)
    assert.deepEqual(await get(server, podPath(POD)), healed)
  },
)

api('a failing readiness probe leaves the pod as it was, but for events', async ({ server, client }) => {
  const before = await get(server, podPath(POD))
  const run = runOf(client, 'readiness-failing', POD, 25)
  await scenarioNamed('readiness-failing').hold(run)
  assert.equal(conditionsOf(await get(server, podPath(POD)))['Ready'], 'False')
  await scenarioNamed('readiness-failing').undo(run)
  const healed = fields(plain(await get(server, podPath(POD))))
  assert.deepEqual(fields(healed['status'])['containerStatuses'], fields(before['status'])['containerStatuses'])
  assert.deepEqual(conditionsOf(healed), conditionsOf(before))
})

api('a scenario ends when its pod is deleted or replaced', async ({ server, client }) => {
  const scenario = scenarioNamed('crash-loop')
  const run = runOf(client, 'crash-loop', POD)
  await scenario.hold(run)
  await server.client.request('DELETE', podPath(POD), { body: { gracePeriodSeconds: 0 } })
  await assert.rejects(scenario.hold(run), TargetGoneError)
  await createPod(server)
  await assert.rejects(scenario.hold(run), TargetGoneError)
  const replaced = await get(server, podPath(POD))
  await scenario.undo(run)
  assert.deepEqual(await get(server, podPath(POD)), replaced)
  // One that ends, such as by an eviction, stays so.
  const other = runOf(client, 'crash-loop', POD)
  await scenario.hold(other)
  await put(server, `${podPath(POD)}/status`, { status: { phase: 'Failed', reason: 'Evicted' } })
  await assert.rejects(scenario.hold(other), TargetGoneError)
  await scenario.undo(other)
  const { phase } = fields((await get(server, podPath(POD)))['status'])
  assert.equal(phase, 'Failed')
})

for (const [name, type, failing] of [
  ['node-not-ready', 'Ready', 'False'],
  ['node-memory-pressure', 'MemoryPressure', 'True'],
] as const) {
  api(`${name} holds lease and condition, and gives both back`, async ({ server, client }) => {
    const before = await get(server, `/api/v1/nodes/${NODE}`)
    const scenario = scenarioNamed(name)
    const run = runOf(client, name, NODE)
    await scenario.hold(run)
    assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))[type], failing)
    const renewed = fields((await get(server, LEASE))['spec'])['renewTime']
    await scenario.hold(run)
    const lease = fields((await get(server, LEASE))['spec'])
    assert.equal(lease['holderIdentity'], 'kube-otel-lab-scenario')
    assert(String(lease['renewTime']) > String(renewed))
    await scenario.undo(run)
    assert.deepEqual(fields((await get(server, LEASE))['spec']), {})
    const healed = fields(plain(await get(server, `/api/v1/nodes/${NODE}`)))
    const expected = fields(plain(before))
    assert.deepEqual(conditionsOf(healed), conditionsOf(expected))
    assert.deepEqual(fields(healed['metadata'])['annotations'] ?? {}, {})
    await scenario.undo(run)
  })
}

api(
  'an unreachable node has one more heartbeat and no other, and its evicted bare pod is created again',
  async ({ server, client }) => {
    const before = await get(server, podPath(POD))
    const scenario = scenarioNamed('node-unreachable')
    const run = runOf(client, 'node-unreachable', NODE)
    await scenario.hold(run)
    const lease = fields((await get(server, LEASE))['spec'])
    assert.equal(lease['holderIdentity'], 'kube-otel-lab-scenario')
    assert(String(lease['renewTime']) >= new Date(run.startMs).toISOString())
    await scenario.hold(run)
    assert.deepEqual(fields((await get(server, LEASE))['spec']), lease)
    // A heartbeat that KWOK had planned keeps kube-controller-manager from marking it.
    assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))['Ready'], 'True')
    await scenario.hold({ ...runOf(client, 'node-unreachable', NODE, 300), saved: run.saved })
    assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))['Ready'], 'Unknown')
    const { Ready, ContainersReady } = conditionsOf(await get(server, podPath(POD)))
    assert.deepEqual([Ready, ContainersReady], ['False', 'True'])
    await server.client.request('DELETE', podPath(POD), { body: { gracePeriodSeconds: 0 } })
    await put(server, `/api/v1/nodes/${NODE}/status`, { status: { conditions: [condition('Ready', 'Unknown')] } })
    // KWOK makes it Ready.
    await assert.rejects(scenario.undo(run), /is not Ready yet/)
    await put(server, `/api/v1/nodes/${NODE}/status`, { status: { conditions: [condition('Ready')] } })
    await scenario.undo(run)
    const again = await get(server, podPath(POD))
    assert.notEqual(fields(again['metadata'])['uid'], fields(before['metadata'])['uid'])
    assert.deepEqual(again['spec'], before['spec'])
  },
)

api('an object is created again when it is deleted, until it is healed', async ({ server, client }) => {
  for (const [name, path] of [
    ['quota-full', '/api/v1/namespaces/team-a/resourcequotas/scenario-quota-full'],
    ['pod-pending', '/apis/apps/v1/namespaces/team-a/deployments/scenario-pod-pending'],
    ['job-failed', '/apis/batch/v1/namespaces/team-a/jobs/scenario-job-failed'],
  ] as const) {
    const scenario = scenarioNamed(name)
    const run = runOf(client, name, 'team-a')
    for (let time = 0; time < 2; time++) {
      await scenario.hold(run)
      const object = await get(server, path)
      assert.equal(fields(fields(object['metadata'])['annotations'])['kube-otel-lab/scenario'], name)
      if (name === 'quota-full') assert.deepEqual(fields(object['spec'])['hard'], { pods: '1' })
      if (name === 'pod-pending') assert.match(JSON.stringify(object['spec']), /"requests":\{"cpu":"9"\}/)
      await server.client.request('DELETE', path, { body: { propagationPolicy: 'Background' } })
    }
    await scenario.hold(run)
    await scenario.undo(run)
    assert.equal((await get(server, path))['kind'], 'Status')
    await scenario.undo(run)
  }
})

api('a target is the first that fits, and a wrong one is refused', async ({ server, client }) => {
  const clusterName = 'unit'
  const choose = async (name: string, target: string, taken: string[] = []) => {
    const running = taken.map(each => ({ name: 'oom-kill', target: each, startMs: 0, untilMs: 0 }))
    return await chooseTarget(client, scenarioNamed(name), { target, running, clusterName })
  }
  await createPod(server, 'empty/b')
  assert.equal(await choose('crash-loop', 'auto'), 'empty/b')
  assert.equal(await choose('crash-loop', 'auto', ['empty/b']), POD)
  assert.equal(await choose('crash-loop', POD), POD)
  assert.equal(await choose('node-not-ready', 'auto'), NODE)
  await server.client.request('DELETE', podPath('empty/b'), { body: { gracePeriodSeconds: 0 } })
  // The namespace before it has no pods.
  assert.equal(await choose('quota-full', 'auto'), 'team-a')
  assert.equal(await choose('collector-down', 'auto'), 'collector')
  await assert.rejects(choose('crash-loop', 'auto', [POD]), /no pod fits that has no scenario/)
  await assert.rejects(choose('crash-loop', POD, [POD]), /Cannot start crash-loop on team-a\/app: oom-kill runs on it/)
  await assert.rejects(choose('crash-loop', 'team-a/none'), /there is no such pod/)
  await assert.rejects(choose('crash-loop', NODE), /its target is a pod/)
  await assert.rejects(choose('node-not-ready', POD), /its target is a node/)
  await assert.rejects(choose('collector-down', NODE), /its only target is collector/)
  await assert.rejects(choose('cpu-throttling', POD), /it has no cpu limit/)
  await put(server, `${podPath(POD)}/status`, { status: { phase: 'Succeeded' } })
  await assert.rejects(choose('crash-loop', POD), /its phase is Succeeded/)
})
api.run()
