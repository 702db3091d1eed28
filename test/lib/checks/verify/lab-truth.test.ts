import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { type ClusterSnapshot, readCluster } from '../../../../lib/checks/verify/cluster-snapshot.ts'
import { expectedValues, truthKey } from '../../../../lib/checks/verify/expected-values.ts'
import {
  addSummary,
  collectionTimes,
  type KubeletHistory,
  kubeletUsage,
} from '../../../../lib/checks/verify/kubelet-truth.ts'
import { clusterTruth } from '../../../../lib/checks/verify/lab-truth.ts'
import { rateOver, servedAt } from '../../../../lib/checks/verify/measurement-timeline.ts'
import type { KnownStates } from '../../../../lib/checks/verify/pass-criteria.ts'
import type { Dimension, Truth } from '../../../../lib/checks/verify/query-expectations.ts'
import type { Bounds, Figures } from '../../../../lib/checks/verify/usage-bounds.ts'
import { modelUsage } from '../../../../lib/checks/verify/usage-truth.ts'
import { fields, items } from '../../../../lib/kube/json.ts'
import { coresOf, coreTimesAt } from '../../../../lib/kubelet/counters/core-times.ts'
import { cadvisorMetrics } from '../../../../lib/kubelet/endpoints/cadvisor-metrics.ts'
import { hostResourceMetrics } from '../../../../lib/kubelet/endpoints/host-metrics.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { buildSummary } from '../../../../lib/kubelet/endpoints/stats-summary.ts'
import { nodeFacts, podFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { CLUSTER, clusterObjects, fakeApi } from './cluster-fixture.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const nowMs = Date.now()
const window = { untilMs: nowMs, lengthMs: 40_000, lateMs: 0 }

/** The states of a cluster that does not change. */
function statesOf(snapshot: ClusterSnapshot): KnownStates {
  return { now: { snapshot, usage: modelUsage(snapshot, 'steady') }, earlier: [] }
}

/** The expected values, each key's values joined by a slash. Bounds that are one number are that number. */
async function expected(
  truth: Truth,
  filters: Partial<Record<Dimension, string[]>> = {},
): Promise<Record<string, number>> {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const states = statesOf(snapshot)
  const tests = Object.entries(filters).map(
    ([dimension, values]) =>
      [dimension as Dimension, { text: values.join(), allows: (value: string) => values.includes(value) }] as const,
  )
  const found = expectedValues(truth, states, new Map(tests), window) ?? []
  return Object.fromEntries(
    [...found].map(([key, { least, most }]) => {
      assert.equal(least, most)
      return [key.split(truthKey(['', ''])).join('/'), least]
    }),
  )
}

const shopless = { text: 'not shop', allows: (value: string) => value !== 'shop' }

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
  [
    'a condition of each node, unknown where the API has none',
    { of: 'node-condition', by: ['node'], where: { condition: 'PIDPressure' } },
    { node: ['node-a'] },
    { 'node-a': -1 },
  ],
  [
    'a condition that does not hold',
    { of: 'node-condition', by: [], where: { condition: 'DiskPressure' } },
    { node: ['node-a'] },
    { '': 0 },
  ],
  ['what an autoscaler wants', { of: 'hpa-desired', by: ['namespace', 'autoscaler'] }, {}, { 'shop/web': 5 }],
  ['what a claim has', { of: 'volume-capacity', by: ['namespace', 'claim'] }, {}, { 'system/data': 10 * GIB }],
  ['no swap', { of: 'memory-swap', by: ['namespace'] }, {}, { shop: 0, system: 0 }],
  ['no restarts', { of: 'restarts', by: ['namespace'] }, { pod: ['web-1'] }, { shop: 0 }],
  ['disks', { of: 'filesystem-capacity', by: ['node'] }, {}, { 'node-a': 100 * GIB, 'node-b': 100 * GIB }],
  ['no ratio without a denominator', { of: 'pods', over: 'quota-cpu-requests', by: ['namespace'] }, {}, { shop: 2 }],
] satisfies [string, Truth, Partial<Record<Dimension, string[]>>, Record<string, number>][]) {
  values(fact, async () => assert.deepEqual(await expected(truth, filters), wanted))
}

values('counts the containers of running pods, not those of pending pods', async () => {
  const objects = JSON.parse(JSON.stringify(clusterObjects()).replace('"phase":"Running"', '"phase":"Pending"'))
  const snapshot = await readCluster(fakeApi(objects), CLUSTER)
  const states = statesOf(snapshot)
  const sums = (of: 'containers' | 'cpu-requests') => [
    ...(expectedValues({ of, by: [] }, states, new Map(), window) ?? []),
  ]
  assert.deepEqual(sums('containers'), [['', { least: 12, most: 12 }]])
  assert.deepEqual(sums('cpu-requests'), [['', { least: 1.75, most: 1.75 }]])
})

values('expects nothing measured of a node that refuses scrapes, and all that the API has of it', async () => {
  const fake = '"kwok.x-k8s.io/node":"fake"'
  const silent = `${fake},"kube-otel-lab/scenario":"node-unreachable"`
  const snapshot = await readCluster(
    fakeApi(JSON.parse(JSON.stringify(clusterObjects()).replace(fake, silent))),
    CLUSTER,
  )
  const by = ['node'] as const
  const nodes = (of: Truth['of']) => [
    ...(expectedValues({ of, by }, statesOf(snapshot), new Map(), window)?.keys() ?? []),
  ]
  for (const of of ['pods', 'memory-capacity', 'cpu-requests'] as const)
    assert.deepEqual(nodes(of), ['node-a', 'node-b'], of)
  for (const of of [
    ...(['cpu-usage', 'network-receive', 'host-memory', 'filesystem-used'] as const),
    ...(['containers', 'networked-pods', 'measured-memory-capacity'] as const),
  ])
    assert.deepEqual(nodes(of), ['node-b'], of)
})

values('treats a pod as bare when the collector has no attribute for its controller’s kind', async () => {
  const objects = JSON.parse(JSON.stringify(clusterObjects()).replaceAll('"DaemonSet"', '"CloneSet"'))
  const snapshot = await readCluster(fakeApi(objects), CLUSTER)
  const states = statesOf(snapshot)
  const by = ['workload', 'workload_type'] as const
  const found = expectedValues({ of: 'pods', by }, states, new Map([['namespace', shopless]]), window)
  assert.deepEqual([...(found?.keys() ?? [])].map(key => key.replace('\u0000', '/')).sort(), [
    'agent-node-a/barepod',
    'agent-node-b/barepod',
    'alone/barepod',
  ])
})

values('gives an upper bound for restarts', async () => {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const states = statesOf(snapshot)
  const found = expectedValues({ of: 'restarts', by: ['pod'] }, states, new Map(), window)
  assert.deepEqual(found?.get('alone'), { least: 0, most: 6 })
})

values('counts no network for a pod with hostNetwork', async () => {
  const objects = JSON.parse(JSON.stringify(clusterObjects()).replace('"nodeName"', '"hostNetwork":true,"nodeName"'))
  const snapshot = await readCluster(fakeApi(objects), CLUSTER)
  const states = statesOf(snapshot)
  const pods = (of: Truth['of']) => [...(expectedValues({ of, by: ['pod'] }, states, new Map(), window)?.keys() ?? [])]
  assert.deepEqual([pods('network-receive').length, pods('networked-pods').length, pods('pods').length], [6, 6, 7])
})

values('gives KWOK’s usage by usage objects, without limits, and 0 without an object', async () => {
  const usage = { cpu: { value: '2' }, memory: { value: '1Gi' } }
  const object = {
    metadata: { uid: 'u', name: 'shop' },
    spec: { selector: { matchNamespaces: ['shop'] }, usages: [{ usage }] },
  }
  const objects = { ...clusterObjects(), '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages': [object] }
  const snapshot = await readCluster(fakeApi(objects), CLUSTER)
  const states = statesOf(snapshot)
  const sums = (truth: Truth) => Object.fromEntries(expectedValues(truth, states, new Map(), window) ?? [])
  // Four pods of two containers; the model holds them at their limit of one core each.
  assert.deepEqual(sums({ of: 'kwok-cpu-usage', by: ['namespace'] }), {
    shop: { least: 16, most: 16 },
    system: { least: 0, most: 0 },
  })
  assertNear(sums({ of: 'cpu-usage', by: ['namespace'] })['shop']?.least ?? 0, 8)
  const nodes = sums({ of: 'kwok-memory-working-set', by: ['node'], withSystem: true })
  assertNear(nodes['node-b']?.least ?? 0, 2 * GIB + 200 * 2 ** 20)
})

values('gives a node the usage of its pods, and with its system that of its kubelet', async () => {
  const own = await expected({ of: 'cpu-usage', by: ['node'] })
  const whole = await expected({ of: 'cpu-usage', by: ['node'], withSystem: true })
  const now = measuredNode('node-a', nowMs).total.usageCoreNanoSeconds
  const before = measuredNode('node-a', nowMs - 40_000).total.usageCoreNanoSeconds
  assertNear(whole['node-a'] ?? 0, (now - before) / 40e9)
  assert.ok((whole['node-a'] ?? 0) > (own['node-a'] ?? 0) + 0.05, 'kubelet and runtime use 55m at the least')
})
values('has the current objects as lower bound, and earlier objects in the upper bound', async () => {
  const objects = clusterObjects()
  const pods = objects['/api/v1/pods'] ?? []
  const renamed = pods.map(pod => JSON.parse(JSON.stringify(pod).replaceAll('web-', 'new-')))
  const stateOf = async (all: unknown[]) => {
    const snapshot = await readCluster(fakeApi({ ...objects, '/api/v1/pods': all }), CLUSTER)
    return { snapshot, usage: modelUsage(snapshot, 'steady') }
  }
  const inShop = async (truth: Truth, before: unknown[]) => {
    const states = { now: await stateOf(renamed), earlier: [], lookback: await stateOf(before) }
    return expectedValues(truth, states, new Map(), window)?.get('shop')
  }
  const by = ['namespace'] as const
  const requests: Truth = { of: 'cpu-limits', over: 'cpu-requests', by }
  // All pods of the namespace were replaced; nothing was there; nothing has changed.
  assert.deepEqual(await inShop({ of: 'pods', by }, pods), { least: 4, most: 8 })
  assert.deepEqual(await inShop(requests, pods), { least: 4, most: 16, mayBeAbsent: false })
  assert.deepEqual(await inShop({ of: 'pods', by }, []), { least: 4, most: 4 })
  assert.deepEqual(await inShop({ of: 'pods', by }, renamed), { least: 4, most: 4 })
})

const restarted = suite('modelUsage() of restarted containers')

for (const [what, agoS, isRunning, bounds] of [
  ['that has begun in the window', 10, true, 'possible'],
  ['that began long before', 600, true, 'certain'],
  ['that has ended in the window', 10, false, 'possible'],
  ['that ended long before', 600, false, 'none'],
] as const) {
  restarted(`the usage of a container ${what} is ${bounds}`, async () => {
    const objects = clusterObjects()
    const pods = items(objects['/api/v1/pods'])
    const time = new Date(nowMs - agoS * 1_000).toISOString()
    const last = { terminated: { exitCode: 1, startedAt: time, finishedAt: time } }
    const state = isRunning ? { running: { startedAt: time } } : { waiting: { reason: 'CrashLoopBackOff' } }
    const [first] = pods.map(fields)
    const container = String(fields(items(fields(first?.['spec'])['containers'])[0])['name'])
    const status = {
      ...fields(first?.['status']),
      containerStatuses: [{ name: container, restartCount: 3, state, lastState: last }],
    }
    const snapshot = await readCluster(
      fakeApi({ ...objects, '/api/v1/pods': [{ ...first, status }, ...pods.slice(1)] }),
      CLUSTER,
    )
    const uid = String(fields(first?.['metadata'])['uid'])
    const found = modelUsage(snapshot, 'steady').containers('cpu-usage', window)?.get(uid)?.get(container)
    if (bounds === 'none') return assert.equal(found, undefined)
    assert(found !== undefined && found.most > 0)
    assert.equal(found.mayBeAbsent === true, bounds === 'possible')
    assert.equal(found.least === 0, bounds === 'possible')
  })
}
restarted.run()

const earlier = suite('clusterTruth().readAt()')
/** An etcd that had a revision at some time, and a server that has these objects of it, or a status. */
async function readAt(answer: Record<string, unknown[]> | number, revisions = [42]) {
  const paths: string[] = []
  const request = async (method: string, path: string) => {
    paths.push(path)
    if (typeof answer !== 'number') return await fakeApi(answer).request(method, path)
    return { status: path.includes('resourceVersion=') ? answer : 200, body: {} }
  }
  const instant = async () => revisions.map(value => ({ labels: {}, value }))
  const given = { clusterName: CLUSTER, preset: 'steady', windowMs: 0 } as const
  const truth = clusterTruth({ request }, { ...given, api: { instant, range: async () => [] } })
  return { was: await truth.readAt?.(nowMs), paths }
}

earlier('reads the cluster at the revision of a time', async () => {
  const { was, paths } = await readAt(clusterObjects())
  assert.equal(was?.snapshot.pods.length, 7)
  const pods = paths.find(path => path.startsWith('/api/v1/pods?'))
  assert.equal(pods, '/api/v1/pods?limit=1000&resourceVersion=42&resourceVersionMatch=Exact')
})

earlier('gives nothing without a revision, or for a compacted one', async () => {
  assert.equal((await readAt(clusterObjects(), [])).was, undefined)
  assert.equal((await readAt(410)).was, undefined)
  await assert.rejects(readAt(500), /Cannot list/)
})

const kubelets = suite('clusterTruth().read() of real nodes')
kubelets('continues when the kubelets once don’t answer, and fails when they never did', async () => {
  const real = JSON.parse(JSON.stringify(clusterObjects()).replaceAll('kwok.x-k8s.io/node', 'note'))
  const read = async (isAway: (asked: number) => boolean) => {
    let asked = 0
    const request = async (method: string, path: string) => {
      if (!path.endsWith('/proxy/stats/summary')) return await fakeApi(real).request(method, path)
      const name = path.split('/')[4] ?? ''
      if (isAway(asked++)) return { status: 503, body: { message: 'the kubelet restarts' } }
      return { status: 200, body: buildSummary(measuredNode(name, Date.now())) }
    }
    const api = { instant: async () => [], range: async () => [] }
    const given = { clusterName: CLUSTER, preset: 'steady', windowMs: 0, api } as const
    return { ...(await clusterTruth({ request }, given).read()), asked }
  }
  const { usage, asked } = await read(at => at === 2)
  assert.deepEqual([asked, [...(usage.disks().keys() ?? [])]], [6, ['node-a', 'node-b']])
  await assert.rejects(
    read(() => true),
    /Cannot read the kubelet of node node-[ab].*the kubelet restarts/,
  )
})

values.run()
earlier.run()
kubelets.run()

/** What the kubelets have said that measured all pods at these times, each of which is asked then. */
function toldAt(nodes: readonly string[], times: readonly number[]): Map<string, KubeletHistory> {
  const told = new Map<string, KubeletHistory>()
  for (const node of nodes) for (const timeMs of times) addSummary(told, node, buildSummary(measuredNode(node, timeMs)))
  return told
}

const NODES = ['node-a', 'node-b']
// A summary's times have no parts of a second.
const evenMs = Math.floor(nowMs / 1_000) * 1_000
const evenWindow = { ...window, untilMs: evenMs }
/** Once every ten seconds, three seconds after the kubelet has measured. */
const measuredMs = [43, 33, 23, 13, 3].map(seconds => evenMs - seconds * 1_000)
const collected = new Map(NODES.map(node => [node, measuredMs.map(timeMs => timeMs + 3_000)]))

const real = suite('kubeletUsage()')
real('equals the model for kubelets that measure when they are read', async () => {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const usage = kubeletUsage(toldAt(NODES, measuredMs), collected, evenWindow)
  // The first of five was before the window.
  const model = modelUsage(snapshot, 'steady')
  const measuredWindow = { untilMs: measuredMs[4] ?? 0, lengthMs: 30_000, lateMs: 0 }
  for (const measured of [
    'cpu-usage',
    'memory-working-set',
    'memory-rss',
    'network-receive',
    'network-transmit',
  ] as const) {
    const [kubelets, modelled] = [
      usage.containers(measured, evenWindow),
      model.containers(
        measured,
        measured.startsWith('memory') ? { ...measuredWindow, lengthMs: undefined } : measuredWindow,
      ),
    ]
    assert.equal(kubelets?.size, 7)
    for (const [uid, containers] of modelled ?? []) {
      for (const [name, { least }] of containers) {
        const bounds: Bounds | undefined = kubelets?.get(uid)?.get(name)
        assertNear(bounds?.least ?? 0, least, 0.001)
        assert.equal(bounds?.least, bounds?.most)
      }
    }
    const nodes: Figures | undefined = usage.nodes(measured, evenWindow)
    for (const [node, figures] of model.nodes(measured, {
      ...measuredWindow,
      ...(measured.startsWith('memory') ? { lengthMs: undefined } : {}),
    }) ?? []) {
      assertNear(nodes?.get(node)?.get('')?.least ?? 0, figures.get('')?.least ?? 0, 0.001)
    }
  }
  assert.equal(usage.containers('disk-reads', evenWindow), undefined, 'a summary tells nothing of disk operations')
  assert.equal(
    usage.containers('cpu-usage', { ...evenWindow, lengthMs: 50_000 }),
    undefined,
    'nothing is known so early',
  )
  const later = { ...evenWindow, untilMs: evenMs + 1 }
  assert.equal(usage.nodes('memory-rss', later), undefined, 'nor is anything of a later time')
})

real('has two bounds only when either of two measurements may have been served', () => {
  const cpuOf = (moreMs: number) => {
    const told = toldAt(NODES, [...measuredMs.slice(0, 4), evenMs - moreMs])
    return kubeletUsage(told, collected, evenWindow)
      .containers('cpu-usage', evenWindow)
      ?.get('uid-shop-web-1')
      ?.get('app')
  }
  const [sure, unsure] = [cpuOf(3_000), cpuOf(1_000)]
  assert.equal(sure?.least, sure?.most)
  assert((unsure?.least ?? 0) < (unsure?.most ?? 0))
  // Measured later than the question, it can't have been the answer.
  const stale = cpuOf(-1_000)
  assert.equal(stale?.least, unsure?.least)
  assert.equal(stale?.most, unsure?.least)
})

real('gives only an upper bound for a pod that is newer than the window', () => {
  const told = toldAt(['node-a'], measuredMs.slice(4))
  const bounds = kubeletUsage(told, collected, evenWindow)
    .containers('cpu-usage', evenWindow)
    ?.get('uid-shop-web-1')
    ?.get('app')
  assert.deepEqual([bounds?.least, bounds?.mayBeAbsent], [0, true])
})

real('expects the kubelet’s values for a node that is not collected', () => {
  const told = toldAt(NODES, measuredMs)
  const bounds = kubeletUsage(told, new Map(), evenWindow).nodes('cpu-usage', evenWindow)?.get('node-a')?.get('')
  assert((bounds?.least ?? 0) > 0.05)
  assert.equal(bounds?.mayBeAbsent, undefined)
})
real.run()

const rates = suite<{ prometheus: RunningPrometheus }>('rateOver(), beside Prometheus')
// Of a counter that is measured each 13 s, and asked for each 10 s with one time left out; and of a young one.
const servedMs = [61_000, 51_000, 41_000, 30_500, 10_000, 2_000].map(ms => evenMs - ms)
const measuredS = [76, 63, 50, 37, 24, 6]
const counters = {
  old: measuredS.map((seconds, index) => ({
    takenMs: evenMs - seconds * 1_000,
    value: 1_000 + 7 * index ** 2,
  })),
  young: measuredS.map((seconds, index) => ({
    takenMs: evenMs - seconds * 1_000,
    value: 0.5 + 40 * index,
  })),
}
rates.before(async context => {
  const lines = Object.entries(counters).flatMap(([name, known]) =>
    servedMs.map(
      atMs =>
        `k8s_node_cpu_time_seconds_total{k8s_node_name="${name}",k8s_cluster_name="c"} ${servedAt(known, atMs)[0]} ${atMs / 1_000}`,
    ),
  )
  context.prometheus = await startPrometheus(['# TYPE k8s_node_cpu_time_seconds counter', ...lines])
})
rates.after(({ prometheus }) => prometheus?.stop())
rates('equals Prometheus’ rate() in every window', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  for (const [untilMs, lengthMs] of [
    [evenMs, 40_000],
    [evenMs, 55_000],
    [evenMs - 3_000, 40_000],
    [evenMs - 20_000, 40_000],
    [evenMs - 9_999, 60_000],
  ] as const) {
    const asked = await collectionTimes(api, { clusterName: 'c', untilMs, lengthMs })
    const samples = await api.instant(`rate(k8s_node_cpu_time_seconds_total[${lengthMs}ms])`, untilMs)
    assert.equal(samples.length, 2)
    for (const { labels, value } of samples) {
      const name = labels['k8s_node_name'] as 'old' | 'young'
      const times = (asked.get(name) ?? []).filter(each => each > untilMs - lengthMs && each <= untilMs)
      assert.deepEqual(
        times,
        servedMs.filter(each => each > untilMs - lengthMs && each <= untilMs),
      )
      const bounds: Bounds | undefined = rateOver(counters[name], times, { untilMs, lengthMs })
      assertNear(bounds?.least ?? 0, value, 1e-9)
      assertNear(bounds?.most ?? 0, value, 1e-9)
    }
  }
})
rates.run()

const documents = suite('modelUsage() and the documents of the stats proxy')
for (const [measured, metric] of [
  ['memory-cache', 'container_memory_cache'],
  ['memory-swap', 'container_memory_swap'],
  ['cpu-periods', 'container_cpu_cfs_periods_total'],
  ['cpu-throttled-periods', 'container_cpu_cfs_throttled_periods_total'],
  ['disk-reads', 'container_fs_reads_total'],
  ['disk-writes', 'container_fs_writes_total'],
  ['disk-read-bytes', 'container_fs_reads_bytes_total'],
  ['disk-written-bytes', 'container_fs_writes_bytes_total'],
  ['packets-receive', 'container_network_receive_packets_total'],
  ['packets-transmit', 'container_network_transmit_packets_total'],
  ['drops-receive', 'container_network_receive_packets_dropped_total'],
  ['drops-transmit', 'container_network_transmit_packets_dropped_total'],
] as const) {
  documents(`agree about ${measured}`, async () => {
    const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
    const figures = modelUsage(snapshot, 'steady').containers(measured, window)
    const [before, after] = [window.untilMs - window.lengthMs, window.untilMs].map(timeMs =>
      series(cadvisorMetrics(measuredNode('node-a', timeMs)).text(), metric),
    )
    const isRate = metric.endsWith('_total')
    let compared = 0
    for (const { uid, namespace, name } of snapshot.pods.filter(({ node }) => node === 'node-a')) {
      for (const [container, { least, most }] of figures?.get(uid) ?? []) {
        const key = [namespace, name, container].join('/')
        const [first, last] = [before?.get(key) ?? Number.NaN, after?.get(key) ?? Number.NaN]
        const value = isRate ? (last - first) / 40 : last
        // Bytes are whole, and a window's are few.
        const wide = 1e-4 * Math.abs(value)
        assert(value >= least - wide && value <= most + wide, `${key}: ${value} is not ${least} to ${most}`)
        compared++
      }
    }
    assert(compared >= 4, `${compared} compared`)
    // Only those that have a limit have periods.
    assert.equal(measured.startsWith('cpu-') ? compared : 6, 6)
  })
}

documents('agree about the host metrics of a node', async () => {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const usage = modelUsage(snapshot, 'steady')
  const at = (timeMs: number) => {
    const measured = measuredNode('node-a', timeMs)
    const { facts, startMs, nowMs: atMs, total } = measured
    const cores = coresOf(facts.cpuCapacityNanoCores)
    const moment = { cores, startMs, nowMs: atMs, busyNs: total.usageCoreNanoSeconds, servedIdleNs: 0, kept: undefined }
    return hostPoints(hostResourceMetrics(measured, { loads: [0, 0, 0], cores: coreTimesAt(moment).times }))
  }
  const [before, after] = [at(window.untilMs - window.lengthMs), at(window.untilMs)]
  for (const [measured, metric, isRate] of [
    ['host-cpu', 'system.cpu.time', true],
    ['host-memory', 'system.memory.usage', false],
    ['host-disk', 'system.disk.io', true],
  ] as const) {
    const figures = usage.nodes(measured, window)?.get('node-a')
    assert((figures?.size ?? 0) >= 2)
    for (const [part, { least }] of figures ?? []) {
      const last = after.get(`${metric} ${part}`) ?? Number.NaN
      const value = isRate ? (last - (before.get(`${metric} ${part}`) ?? Number.NaN)) / 40 : last
      assertNear(value, least, 1e-3)
    }
  }
})
documents.run()

/** The values of a cAdvisor metric, by namespace, pod and container. */
function series(exposition: string, metric: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of exposition.split('\n')) {
    if (!line.startsWith(`${metric}{`)) continue
    const label = (name: string) => new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1] ?? ''
    const value = Number(/} (\S+)/.exec(line)?.[1])
    if (label('pod') === '' || (label('container') === '' && !metric.includes('_network_'))) continue
    found.set([label('namespace'), label('pod'), label('container')].join('/'), value)
  }
  return found
}

/** The sums of a node's host metrics, by metric and state or direction. */
function hostPoints(resourceMetrics: unknown): Map<string, number> {
  const sums = new Map<string, number>()
  for (const scope of items(fields(resourceMetrics)['scopeMetrics'])) {
    for (const metric of items(fields(scope)['metrics']).map(fields)) {
      for (const point of items(fields(metric['sum'])['dataPoints']).map(fields)) {
        const attributes = items(point['attributes']).map(fields)
        const part = attributes.find(({ key }) => key === 'state' || key === 'direction')
        const key = `${metric['name']} ${fields(part?.['value'])['stringValue']}`
        sums.set(key, (sums.get(key) ?? 0) + Number(point['asInt'] ?? point['asDouble']))
      }
    }
  }
  return sums
}

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
