import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { kubeletMetricsText } from '../../../../lib/kubelet/endpoints/kubelet-metrics.ts'
import { nodeDocuments } from '../../../../lib/kubelet/endpoints/node-documents.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { nodeFacts, podFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import { createStore, type StatsStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, rawNode, rawPod, START_MS, there } from '../kubelet-fixtures.ts'

const NOW_MS = START_MS + 3_600_000

/** The samples of a node's `/metrics` by series. */
function samplesOf(store: StatsStore, name = 'node-0'): Map<string, number> {
  const entry = there(store.node(name))
  const text = kubeletMetricsText(measureNode(entry, store.now()), entry)
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

function storeWith(...pods: ReturnType<typeof pod>[]): StatsStore {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  for (const each of pods) store.setPod(each)
  return store
}

const operations = (name: string) => `kubelet_runtime_operations_total{operation_type="${name}"}`

const writes = suite('kubeletMetricsText()')

writes('counts pods, containers and volumes as the node has them', () => {
  const samples = samplesOf(
    storeWith(pod({ uid: 'a', name: 'a' }), pod({ uid: 'b', name: 'b' }), pod({ uid: 'c', phase: 'Pending' })),
  )
  for (const [series, value] of [
    ['kubelet_node_name{node="node-0"}', 1],
    ['kubelet_running_pods', 2],
    ['kubelet_running_containers{container_state="running"}', 4],
    [operations('run_podsandbox'), 2],
    [operations('start_container'), 4],
    [operations('stop_podsandbox'), undefined],
    ['kubelet_pod_start_duration_seconds_count', 2],
    ['kubelet_pod_worker_duration_seconds_count{operation_type="create"}', 2],
    ['kubelet_pleg_relist_interval_seconds_count', 3_600],
    ['kubelet_pleg_relist_interval_seconds_bucket{le="1"}', 0],
    ['volume_manager_total_volumes{plugin_name="kubernetes.io/host-path",state="actual_state_of_world"}', 2],
    ['kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data-web"}', 10 * 2 ** 30],
    ['process_start_time_seconds', START_MS / 1_000],
  ] as const) {
    assert.equal(samples.get(series), value, series)
  }
  const summary = JSON.parse(String(there(nodeDocuments.get('stats/summary')).write('node-0', storeWith())))
  const [system] = summary.node.systemContainers.filter(({ name }: { name: string }) => name === 'kubelet')
  assert.equal(there(samples.get('process_cpu_seconds_total')), system.cpu.usageCoreNanoSeconds / 1e9)
})

writes('shows a full volume and old certificates while a scenario annotates the pod and the node', () => {
  const annotations = (scenario: string) => ({ annotations: { 'kube-otel-lab/scenario': scenario } })
  const scenarioPod = (scenario: string) => {
    const raw = rawPod() as { metadata: object }
    return there(podFacts({ ...raw, metadata: { ...raw.metadata, ...annotations(scenario) } }))
  }
  const ofClaim = '{namespace="shop",persistentvolumeclaim="data-web"}'
  const free = (samples: Map<string, number>, what: 'available_bytes' | 'inodes_free', of: string) =>
    (
      there(samples.get(`kubelet_volume_stats_${what}${ofClaim}`)) /
      there(samples.get(`kubelet_volume_stats_${of}${ofClaim}`))
    ).toFixed(2)
  const healthy = samplesOf(storeWith(pod()))
  assert(Number(free(healthy, 'available_bytes', 'capacity_bytes')) > 0.2)
  assert.equal(free(samplesOf(storeWith(scenarioPod('volume-full'))), 'available_bytes', 'capacity_bytes'), '0.02')
  const inodes = samplesOf(storeWith(scenarioPod('volume-inodes-full')))
  assert.equal(free(inodes, 'inodes_free', 'inodes'), '0.02')
  assert.equal(free(inodes, 'available_bytes', 'capacity_bytes'), free(healthy, 'available_bytes', 'capacity_bytes'))
  const filling = scenarioPod('volume-filling')
  for (const [minutes, share] of [
    [0, free(healthy, 'available_bytes', 'capacity_bytes')],
    [20, '0.02'],
  ] as const) {
    // It is now an hour after the start of the node.
    const since = { ...filling, scenarioStartMs: START_MS + 3_600_000 - minutes * 60_000 }
    assert.equal(free(samplesOf(storeWith(since)), 'available_bytes', 'capacity_bytes'), share)
  }
  const store = storeWith()
  const certificates = () =>
    ['client_ttl_seconds', 'client_expiration_renew_errors'].map(name =>
      samplesOf(store).get(`kubelet_certificate_manager_${name}`),
    )
  assert.deepEqual(certificates(), [365 * 86_400 - 3_600, 0])
  store.setNode(there(nodeFacts(rawNode(annotations('kubelet-certificates')))))
  assert.deepEqual(certificates(), [43_200, 60])
})

writes('keeps the counts of deleted pods, and of restarts that a status no longer has', () => {
  const restarted = (restartCount: number) =>
    pod({ containerStatuses: [{ name: 'app', restartCount, state: { running: {} } }], uid: 'a' })
  const store = storeWith(restarted(3), pod({ uid: 'b', name: 'b' }))
  assert.equal(samplesOf(store).get(operations('start_container')), 7)
  store.setPod(restarted(0))
  store.deletePod('b')
  const samples = samplesOf(store)
  assert.equal(samples.get(operations('start_container')), 7)
  assert.equal(samples.get(operations('stop_podsandbox')), 1)
  assert.equal(samples.get('kubelet_running_pods'), 1)
  assert.equal(samples.get('kubelet_pod_worker_duration_seconds_count{operation_type="sync"}'), 2 + 2 * 60)
})

writes('counts evictions by the signal that their message names', () => {
  const evicted = (uid: string, message: string) => {
    const raw = rawPod({ uid, name: uid, phase: 'Failed' }) as { status: Record<string, unknown> }
    Object.assign(raw.status, { reason: 'Evicted', message })
    return there(podFacts(raw))
  }
  const store = storeWith(pod({ uid: 'a', name: 'a' }), pod({ uid: 'b', name: 'b' }))
  assert.equal(
    [...samplesOf(store).keys()].some(series => series.startsWith('kubelet_evictions')),
    false,
  )
  store.setPod(evicted('a', 'The node was low on resource: memory. '))
  store.setPod(evicted('b', 'The node was low on resource: ephemeral-storage. '))
  store.deletePod('b')
  const samples = samplesOf(store)
  assert.equal(samples.get('kubelet_evictions{eviction_signal="memory.available"}'), 1)
  assert.equal(samples.get('kubelet_evictions{eviction_signal="nodefs.available"}'), 1)
})

writes('gives histograms whose buckets increase up to the count, with a mean between their bounds', () => {
  const samples = samplesOf(storeWith(...Array.from({ length: 30 }, (_, at) => pod({ uid: `p${at}`, name: `p${at}` }))))
  const histograms = [...samples.keys()].filter(series => /_count(\{|$)/.test(series))
  assert(histograms.length > 25, String(histograms.length))
  for (const series of histograms) {
    const count = there(samples.get(series))
    const [name = '', labels = ''] = series.split('_count')
    const inner = labels === '' ? '' : `${labels.slice(1, -1)},`
    const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket{${inner}le=`))
    for (const [at, [key, value]] of buckets.entries()) assert(value >= (buckets[at - 1]?.[1] ?? 0), key)
    assert.equal(buckets.at(-1)?.[1], count)
    const mean = there(samples.get(`${name}_sum${labels}`)) / count
    assert(mean > 0.0003 && mean < 5, `${series}: ${mean}`)
  }
})

writes('has no counter that decreases while pods come and go', () => {
  let nowMs = START_MS
  const store = createStore({ clock: () => nowMs })
  store.setNode(node())
  let before = new Map<string, number>()
  for (let at = 0; at < 40; at++) {
    nowMs += 1_000 + 37_000 * (at % 5)
    const startTime = new Date(nowMs).toISOString()
    if (at % 3 === 0) store.deletePod(`p${at - 6}`)
    else store.setPod(pod({ uid: `p${at}`, name: `p${at}`, startTime, phase: at % 7 === 0 ? 'Succeeded' : 'Running' }))
    const after = samplesOf(store)
    const isCounter = /^\w+(_total|_bucket|_count|_sum|kubelet_evictions)(\{|$)/
    for (const [series, value] of before) if (isCounter.test(series)) assert(there(after.get(series)) >= value, series)
    before = after
  }
})

writes('gives the version of the Node, or of the lab for a Node of KWOK, always the same for one node', () => {
  const versionOf = (kubeletVersion: string) => {
    const raw = rawNode() as { status: Record<string, unknown> }
    raw.status.nodeInfo = { kubeletVersion }
    const store = createStore({ clock: () => NOW_MS })
    store.setNode(there(nodeFacts(raw)))
    const series = [...samplesOf(store).keys()].find(each => each.startsWith('kubernetes_build_info'))
    return /git_version="([^"]*)".*major="(\d*)",minor="(\d*)"/.exec(series ?? '')?.slice(1)
  }
  assert.deepEqual(versionOf('v1.29.4'), ['v1.29.4', '1', '29'])
  assert.match(versionOf('kwok-v0.8.0')?.[0] ?? '', /^v1\.\d+\.\d+$/)
  assert.deepEqual(samplesOf(storeWith(pod())), samplesOf(storeWith(pod())))
})

writes.run()

const documents = suite('nodeDocuments')

const written = (path: string, store: StatsStore) => String(there(nodeDocuments.get(path)).write('node-0', store))

documents('lists the running pods as a container runtime knows them', () => {
  const store = storeWith(pod(), pod({ uid: 'b', name: 'b', phase: 'Succeeded' }))
  assert.deepEqual(JSON.parse(written('runningpods/', store)).items, [
    {
      metadata: { name: 'web', namespace: 'shop', uid: 'uid-web' },
      spec: { containers: ['app', 'proxy'].map(name => ({ name, image: '', resources: {} })) },
      status: {},
    },
  ])
})

documents('gives the configuration with the number of pods of the Node', () => {
  const { kubeletconfig } = JSON.parse(written('configz', storeWith()))
  assert.equal(kubeletconfig.kind, 'KubeletConfiguration')
  assert.equal(kubeletconfig.maxPods, 110)
})

documents('gives the health checks as service level indicators', () => {
  const text = written('metrics/slis', storeWith())
  assert.match(text, /^kubernetes_healthcheck\{name="syncloop",type="healthz"\} 1$/m)
  assert.match(text, /^kubernetes_healthchecks_total\{name="ping",status="success",type="healthz"\} 361$/m)
  assert.match(text, /^# TYPE kubernetes_healthchecks_total counter$/m)
})

documents.run()
