/** The scenarios on a real kube-apiserver, with the rights of the holder, and without controllers and KWOK. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite } from 'uvu'
import { connect, type KubeClient } from '../../../lib/kube/api-client.ts'
import { fields, items } from '../../../lib/kube/json.ts'
import { type Lab, projectDir } from '../../../lib/lab/lab.ts'
import { type ScenarioRun, TargetGoneError } from '../../../lib/scenarios/scenario.ts'
import { scenarioCluster } from '../../../lib/scenarios/scenario-cluster.ts'
import { scenarioNamed, scenarios } from '../../../lib/scenarios/scenario-list.ts'
import { chooseTarget } from '../../../lib/scenarios/scenario-targets.ts'
import { waitUntil } from '../../../lib/system/wait.ts'
import { readYamlDocuments } from '../../../lib/system/yaml-files.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { tempLab } from '../../support/temp-lab.ts'

const POD = 'team-a/app'
const NODE = 'node-0'
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${NODE}`
const STARTED = '2026-11-29T08:00:00Z'

const collections: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/namespaces/kube-otel-lab/serviceaccounts',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings',
}

const api = suite<{ server: ApiServer; client: KubeClient & Disposable }>('scenarios on kube-apiserver')

api.before(async context => {
  const server = await startApiServer()
  for (const name of ['kube-otel-lab', 'team-a', 'empty']) {
    await server.create('/api/v1/namespaces', { metadata: { name } })
  }
  for (const object of readYamlDocuments(join(projectDir, 'kwok-config', 'rbac-scenarios.yaml'))) {
    const namespace = String(fields(fields(object)['metadata'])['namespace'])
    await server.create((collections[String(fields(object)['kind'])] ?? '').replace('NAMESPACE', namespace), object)
  }
  for (const right of [
    { resource: 'nodes', verb: 'patch' },
    { namespace: 'kube-otel-lab', resource: 'configmaps', verb: 'create' },
    { namespace: 'kube-node-lease', group: 'coordination.k8s.io', resource: 'leases', verb: 'patch' },
  ]) {
    await server.waitForRight('system:serviceaccount:kube-otel-lab:scenarios', { resourceAttributes: right })
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
      allocatable: { cpu: '7500m', memory: '16Gi' },
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
  const resources = { requests: { cpu: '100m' } }
  const containers = ['app', 'sidecar'].map(each => ({ name: each, image: `registry.example/${each}:1`, resources }))
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

const named = (kind: string, name: string) => `/apis/apps/v1/namespaces/team-a/${kind}/scenario-${name}`
const quotaPath = (name: string) => `/api/v1/namespaces/team-a/resourcequotas/scenario-${name}`

/** Of each object scenario: its object, and a part of what makes the failure, at once and later. */
const objects: [name: string, path: string, spec: RegExp, later?: RegExp][] = [
  ['pod-pending', named('deployments', 'pod-pending'), /"requests":\{"cpu":"9"\}/],
  ['rollout-stuck', named('deployments', 'rollout-stuck'), /"cpu":"10m"/, /"requests":\{"cpu":"9"\}/],
  ['statefulset-replica-missing', named('statefulsets', 'statefulset-replica-missing'), /"requests":\{"cpu":"9"\}/],
  ['statefulset-update-stuck', named('statefulsets', 'statefulset-update-stuck'), /"cpu":"10m"/, /"cpu":"9"/],
  ['daemonset-not-scheduled', named('daemonsets', 'daemonset-not-scheduled'), /"serviceAccount":"no-such-account"/],
  ['overcommit', named('deployments', 'overcommit'), /"requests":\{"cpu":"8","memory":"17179869184"\}/],
  ['quota-full', quotaPath('quota-full'), /"hard":\{"pods":"1"\}/],
  ['quota-almost-full', quotaPath('quota-almost-full'), /"hard":\{"requests.cpu":"211m"\}/],
  ['quota-exceeded', quotaPath('quota-exceeded'), /"hard":\{"requests.cpu":"100m"\}/],
  ['quota-overcommit', quotaPath('quota-overcommit'), /"requests.cpu":"15","requests.memory":"34359738368"/],
  ['job-failed', '/apis/batch/v1/namespaces/team-a/jobs/scenario-job-failed', /"activeDeadlineSeconds":10/],
  ['job-slow', '/apis/batch/v1/namespaces/team-a/jobs/scenario-job-slow', /"managedBy":"kube-otel-lab\/scenario"/],
  [
    'pdb-not-enough',
    '/apis/policy/v1/namespaces/team-a/poddisruptionbudgets/scenario-pdb-not-enough',
    /"minAvailable":2,"selector":\{\}/,
  ],
  ['volume-failed', '/api/v1/persistentvolumes/scenario-volume-failed-team-a', /"path":"\/nonexistent"/],
]

for (const [name, path, spec, later = spec] of objects) {
  api(`${name} creates an object again when it is deleted, until it is healed`, async ({ server, client }) => {
    const scenario = scenarioNamed(name)
    const run = runOf(client, name, 'team-a')
    for (let time = 0; time < 2; time++) {
      await scenario.hold(run)
      const object = await get(server, path)
      assert.equal(fields(fields(object['metadata'])['annotations'])['kube-otel-lab/scenario'], name)
      assert.match(JSON.stringify(object['spec']), spec)
      const isQuota = path.includes('/resourcequotas/')
      const why = await scenarioNamed('overcommit').unfit?.({ metadata: { name: 'team-a' } }, client)
      assert.equal(why, isQuota ? 'it has a ResourceQuota' : undefined)
      await server.client.request('DELETE', path, { body: { propagationPolicy: 'Background' } })
      await server.client.request('PATCH', path, {
        body: { metadata: { finalizers: null } },
        contentType: 'application/merge-patch+json',
      })
    }
    await scenario.hold({ ...runOf(client, name, 'team-a', 30), saved: run.saved })
    assert.match(JSON.stringify((await get(server, path))['spec']), later)
    if (name === 'job-slow') {
      const { active, startTime } = fields((await get(server, path))['status'])
      assert.equal(active, 1)
      assert(Date.now() - Date.parse(String(startTime)) > 12 * 3_600_000)
    }
    await scenario.undo(run)
    await server.client.request('PATCH', path, {
      body: { metadata: { finalizers: null } },
      contentType: 'application/merge-patch+json',
    })
    assert.equal((await get(server, path))['kind'], 'Status')
    await scenario.undo(run)
  })
}

api('hpa-maxed takes a Deployment of two pods that has no autoscaler', async ({ server, client }) => {
  const scenario = scenarioNamed('hpa-maxed')
  const collection = '/apis/apps/v1/namespaces/team-a/deployments'
  const deployment = (name: string, replicas: number) => {
    const labels = { app: name }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'registry.example/app:1' }] } }
    return { metadata: { name }, spec: { replicas, selector: { matchLabels: labels }, template } }
  }
  await server.create(collection, deployment('a', 1))
  assert.match(String(await scenario.unfit?.({ metadata: { name: 'team-a' } }, client)), /it has no Deployment/)
  await server.create(collection, deployment('b', 3))
  const run = runOf(client, 'hpa-maxed', 'team-a')
  await scenario.hold(run)
  const path = '/apis/autoscaling/v2/namespaces/team-a/horizontalpodautoscalers/scenario-hpa-maxed'
  const { scaleTargetRef, minReplicas, maxReplicas } = fields((await get(server, path))['spec'])
  assert.deepEqual([fields(scaleTargetRef)['name'], minReplicas, maxReplicas], ['b', 1, 3])
  assert.match(String(await scenario.unfit?.({ metadata: { name: 'team-a' } }, client)), /it has no Deployment/)
  await scenario.undo(run)
  assert.equal((await get(server, path))['kind'], 'Status')
})

for (const [name, changed] of [
  ['node-drained', { spec: /"unschedulable":true/ }],
  ['daemonset-misscheduled', { spec: /"key":"kube-otel-lab\/scenario","effect":"NoSchedule"/ }],
  ['node-pods-full', { status: /"capacity":\{"cpu":"8","pods":"1"\}/ }],
  ['kubelet-version-skew', { status: /"kubeletVersion":"v1.35.0"/ }],
  ['node-scrapes-refused', {}],
  ['kubelet-slow', {}],
  ['network-errors', {}],
  ['kubelet-certificates', {}],
] as [string, { spec?: RegExp; status?: RegExp }][]) {
  api(`${name} changes the node, and gives back what was there`, async ({ server, client }) => {
    const path = `/api/v1/nodes/${NODE}`
    const taints = [{ key: 'other', effect: 'NoSchedule' }]
    await put(server, path, { spec: { taints } })
    await put(server, `${path}/status`, { status: { capacity: { cpu: '8', pods: '110' } } })
    const before = await get(server, path)
    const scenario = scenarioNamed(name)
    const run = runOf(client, name, NODE, 30)
    await scenario.hold(run)
    await scenario.hold(run)
    const failing = await get(server, path)
    assert.equal(fields(fields(failing['metadata'])['annotations'])['kube-otel-lab/scenario'], name)
    for (const [field, pattern] of Object.entries(changed)) assert.match(JSON.stringify(failing[field]), pattern)
    assert.match(JSON.stringify(failing['spec']), /"key":"other"/)
    const pod = await get(server, podPath(POD))
    // Nothing ends the pod here.
    assert.equal(fields(pod['metadata'])['deletionTimestamp'] !== undefined, name === 'node-drained')
    await server.client.request('DELETE', podPath(POD), { body: { gracePeriodSeconds: 0 } })
    await scenario.undo(run)
    assert.deepEqual(
      { ...fields(plain(await get(server, path))), metadata: {} },
      { ...fields(plain(before)), metadata: {} },
    )
    assert.equal((await get(server, podPath(POD)))['kind'], name === 'node-drained' ? 'Pod' : 'Status')
    await scenario.undo(run)
  })
}

api('a node under memory pressure evicts pods, and healing creates them again', async ({ server, client }) => {
  const scenario = scenarioNamed('node-evictions')
  assert.equal(await scenario.unfit?.(await get(server, `/api/v1/nodes/${NODE}`), client), undefined)
  const before = await get(server, podPath(POD))
  const run = runOf(client, 'node-evictions', NODE)
  await scenario.hold(run)
  await scenario.hold(run)
  const { phase, reason, containerStatuses, conditions } = fields((await get(server, podPath(POD)))['status'])
  assert.deepEqual([phase, reason], ['Failed', 'Evicted'])
  assert.match(JSON.stringify(containerStatuses), /"state":\{"terminated":\{"exitCode":137,/)
  assert.match(JSON.stringify(conditions), /"type":"DisruptionTarget","status":"True"/)
  assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))['MemoryPressure'], 'True')
  const reasons = async (namespace: string) =>
    items((await get(server, `/api/v1/namespaces/${namespace}/events`))['items']).map(each => fields(each)['reason'])
  assert((await reasons('team-a')).includes('Evicted'))
  assert((await reasons('default')).includes('EvictionThresholdMet'))
  const emptied = await get(server, `/api/v1/nodes/${NODE}`)
  assert.equal(await scenario.unfit?.(emptied, client), 'it has no pods to evict')
  await scenario.undo(run)
  const again = await get(server, podPath(POD))
  assert.notEqual(fields(again['metadata'])['uid'], fields(before['metadata'])['uid'])
  assert.deepEqual(again['spec'], before['spec'])
  await scenario.undo(run)
  assert.deepEqual(await get(server, podPath(POD)), again)
})

api('a node that its cloud reclaims is drained, deleted and created again', async ({ server, client }) => {
  const scenario = scenarioNamed('spot-termination')
  const path = `/api/v1/nodes/${NODE}`
  const [before, pod] = [await get(server, path), await get(server, podPath(POD))]
  // Healed before its end.
  const short = runOf(client, 'spot-termination', NODE)
  await scenario.hold(short)
  assert.match(JSON.stringify((await get(server, path))['spec']), /"unschedulable":true,"taints":/)
  await server.client.request('DELETE', podPath(POD), { body: { gracePeriodSeconds: 0 } })
  await scenario.undo(short)
  assert.deepEqual((await get(server, path))['spec'], before['spec'])
  const run = runOf(client, 'spot-termination', NODE, 20)
  await scenario.hold(run)
  run.startMs -= 20_000
  await scenario.hold(run)
  await scenario.hold(run)
  assert.equal((await get(server, path))['kind'], 'Status')
  await server.client.request('DELETE', podPath(POD), { body: { gracePeriodSeconds: 0 } })
  // KWOK makes the new one Ready.
  await assert.rejects(scenario.undo(run), /is not Ready yet/)
  await put(server, `${path}/status`, { status: { conditions: [condition('Ready')] } })
  await scenario.undo(run)
  const healed = await get(server, path)
  assert.deepEqual(healed['spec'], before['spec'])
  assert.deepEqual(fields(healed['status'])['allocatable'], fields(before['status'])['allocatable'])
  assert.deepEqual(fields(healed['metadata'])['annotations'] ?? {}, {})
  assert.deepEqual((await get(server, podPath(POD)))['spec'], pod['spec'])
  await scenario.undo(run)
})

api('scenarios of a Service need a workload that calls it, and give back what was there', async context => {
  const { server, client } = context
  const deployments = '/apis/apps/v1/namespaces/team-a/deployments'
  const services = '/api/v1/namespaces/team-a/services'
  const create = async (name: string, env: unknown[] = []) => {
    const [labels, container] = [{ app: name }, { name, image: 'registry.example/app:1', env }]
    const template = { metadata: { labels }, spec: { containers: [container] } }
    const spec = { replicas: 2, selector: { matchLabels: labels }, template }
    await server.create(deployments, { metadata: { name }, spec })
    await server.create(services, { metadata: { name }, spec: { selector: labels, ports: [{ port: 80 }] } })
  }
  await create('load', [{ name: 'WEB_ADDR', value: 'web' }])
  await create('web', [{ name: 'DATA_ADDR', value: 'data' }])
  await create('data')
  const unfit = async (name: string, service: string) =>
    await scenarioNamed(name).unfit?.(await get(server, `${services}/${service}`), client)
  assert.equal(await unfit('service-slow', 'web'), undefined)
  assert.match(String(await unfit('service-slow', 'load')), /no traced workload calls it/)
  assert.match(String(await unfit('traffic-surge', 'data')), /no traced workload calls it/)
  for (const [name, path] of [
    ['service-slow', `${services}/web`],
    ['service-failing', `${services}/web`],
    ['service-gone', `${deployments}/web`],
  ] as const) {
    const before = await get(server, path)
    const scenario = scenarioNamed(name)
    const run = runOf(client, name, 'team-a/web')
    assert.equal(await unfit(name, 'web'), undefined)
    await scenario.hold(run)
    await scenario.hold(run)
    const { metadata, spec } = await get(server, path)
    assert.equal(fields(fields(metadata)['annotations'])['kube-otel-lab/scenario'], name)
    assert.equal(fields(spec)['replicas'], name === 'service-gone' ? 0 : fields(before['spec'])['replicas'])
    await scenario.undo(run)
    await scenario.undo(run)
    assert.deepEqual(fields(plain((await get(server, path))['spec'])), before['spec'])
    assert.deepEqual(fields(fields((await get(server, path))['metadata'])['annotations']), {})
  }
})

api('a flapping node is ready and not ready by turns, and so are its pods', async ({ server, client }) => {
  const scenario = scenarioNamed('node-flapping')
  const run = runOf(client, 'node-flapping', NODE)
  for (const [seconds, ready] of [
    [0, 'False'],
    [70, 'True'],
    [130, 'False'],
  ] as const) {
    run.startMs = Date.now() - seconds * 1_000
    await scenario.hold(run)
    assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))['Ready'], ready)
  }
  await scenario.undo(run)
  assert.equal(conditionsOf(await get(server, `/api/v1/nodes/${NODE}`))['Ready'], 'True')
})

api('a volume that fills up is an annotation of a pod with a claim', async ({ server, client }) => {
  const scenario = scenarioNamed('volume-full')
  assert.match(String(await scenario.unfit?.(await get(server, podPath(POD)), client)), /no PersistentVolumeClaim/)
  const before = await get(server, podPath(POD))
  const run = runOf(client, 'volume-full', POD)
  await scenario.hold(run)
  const { annotations } = fields((await get(server, podPath(POD)))['metadata'])
  assert.deepEqual(annotations, { 'kube-otel-lab/scenario': 'volume-full' })
  await scenario.undo(run)
  assert.deepEqual(plain(await get(server, podPath(POD))), plain(before))
})

api('a slow API server affects only requests of the holder', async ({ server, client }) => {
  const configMaps = '/api/v1/namespaces/kube-otel-lab/configmaps'
  const create = async (of: KubeClient, query: string) => {
    const startedMs = Date.now()
    const { status } = await of.request('POST', `${configMaps}?dryRun=All&${query}`, {
      body: { metadata: { name: 'a' } },
    })
    return { status, isSlow: Date.now() - startedMs > 900 }
  }
  for (const [name, query, expected] of [
    ['api-latency', '', { status: 201, isSlow: true }],
    ['api-timeouts', 'timeout=1s', { status: 504, isSlow: true }],
  ] as const) {
    const run = runOf(client, name, 'kube-apiserver')
    const scenario = scenarioNamed(name)
    await waitUntil<void>({
      what: name,
      timeoutMs: 60_000,
      everyMs: 100,
      check: async () => {
        const holding = scenario.hold(run)
        // Its requests are under way.
        await new Promise(resolve => setTimeout(resolve, 200))
        const found = await create(client, query)
        await holding
        const isExpected = found.status === expected.status && found.isSlow === expected.isSlow
        return isExpected ? { done: undefined } : { pending: JSON.stringify(found) }
      },
    })
    await scenario.undo(run)
    await scenario.undo(run)
    assert.equal((await create(server.client, '')).status, 201)
  }
})

api('api-errors lets only requests of the holder fail', async ({ server, client }) => {
  const scenario = scenarioNamed('api-errors')
  const configMaps = '/api/v1/namespaces/kube-otel-lab/configmaps'
  const create = async (path: string) =>
    (await client.request('POST', path, { body: { metadata: { name: 'a' } } })).status
  const run = runOf(client, 'api-errors', 'kube-apiserver')
  await scenario.hold(run)
  // kube-apiserver reads webhooks from its cache.
  await waitUntil<void>({
    what: 'the webhook',
    timeoutMs: 60_000,
    everyMs: 100,
    check: async () => ((await create(`${configMaps}?dryRun=All`)) === 500 ? { done: undefined } : { pending: '' }),
  })
  await server.create('/api/v1/namespaces/team-a/configmaps', { metadata: { name: 'others' } })
  await scenario.undo(run)
  const names = items((await get(server, configMaps))['items']).map(each => fields(fields(each)['metadata'])['name'])
  assert.deepEqual(names, [])
})

api('a target is the first that fits, and a wrong one is refused', async ({ server, client }) => {
  const choose = async (name: string, target: string, taken: string[] = []) => {
    const running = taken.map(each => ({ name: 'oom-kill', target: each, startMs: 0, untilMs: 0 }))
    return await chooseTarget(client, scenarioNamed(name), { target, running, lab: tempLab() })
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

api('inside a cluster, targets are simulated nodes and what is in the namespaces of their pods', async context => {
  const { server, client } = context
  const lab: Lab = { ...tempLab(), kind: 'context', context: 'theirs' }
  const choose = (name: string, target: string) =>
    chooseTarget(client, scenarioNamed(name), { target, running: [], lab })
  const labels = { 'kube-otel-lab/simulated': 'true' }
  await server.create('/api/v1/namespaces', { metadata: { name: 'sim', labels } })
  await server.create('/api/v1/nodes', { metadata: { name: 'sim-0', labels } })
  await put(server, '/api/v1/nodes/sim-0/status', { status: { conditions: [condition('Ready')] } })
  await createPod(server, 'sim/app')
  assert.equal(await choose('crash-loop', 'auto'), 'sim/app')
  assert.equal(await choose('node-not-ready', 'auto'), 'sim-0')
  assert.equal(await choose('quota-full', 'auto'), 'sim')
  for (const [name, target, kind] of [
    ['crash-loop', POD, 'pod'],
    ['node-not-ready', NODE, 'node'],
    ['quota-full', 'team-a', 'namespace'],
  ] as const) {
    const refusal = { message: `Cannot start ${name} on ${target}: this ${kind} is not the lab's` }
    await assert.rejects(choose(name, target), refusal)
  }
  const left = scenarios.filter(each => scenarioCluster(lab).exclusion(each) !== undefined)
  const refusal = /^UsageError: Cannot start [\w-]+: (inside a cluster|a PersistentVolume is in no namespace)/
  for (const { name } of left) await assert.rejects(choose(name, 'auto'), refusal)
  const others = [
    'cpu-throttling',
    'memory-leak',
    'daemonset-misscheduled',
    'spot-termination',
    'hpa-maxed',
    'volume-failed',
  ]
  assert.deepEqual(
    left.filter(({ target }) => target !== 'part' && target !== 'service').map(({ name }) => name),
    others,
  )
})
api.run()
