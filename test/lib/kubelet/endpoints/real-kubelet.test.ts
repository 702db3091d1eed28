import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { cadvisorMetrics } from '../../../../lib/kubelet/endpoints/cadvisor-metrics.ts'
import { kubeletMetricsText } from '../../../../lib/kubelet/endpoints/kubelet-metrics.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { probeMetricsText } from '../../../../lib/kubelet/endpoints/probe-metrics.ts'
import { resourceMetricsText } from '../../../../lib/kubelet/endpoints/resource-metrics.ts'
import { buildSummary } from '../../../../lib/kubelet/endpoints/stats-summary.ts'
import { podFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import { podListText } from '../../../../lib/kubelet/objects/pod-document.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'
import { familiesOf } from './metric-families.ts'

const recorded = (file: string) => readFileSync(join(import.meta.dirname, '../../../data/real-kubelet', file), 'utf8')
const NOW_MS = START_MS + 600_000

function storeOfPods() {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  const livenessProbe = { periodSeconds: 5 }
  store.setPod(pod())
  const resources = { requests: { cpu: '1m' } }
  store.setPod(pod({ uid: 'probed', name: 'probed', containers: [{ name: 'app', livenessProbe, resources }] }))
  return store
}

function measured() {
  return measureNode(there(storeOfPods().node('node-0')), NOW_MS)
}

/** Every field of a document as `pods[].cpu.time: string`, whatever list it stands in. */
function fieldsOf(value: unknown, path = '', found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const each of value) fieldsOf(each, `${path}[]`, found)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) fieldsOf(each, path === '' ? key : `${path}.${key}`, found)
  } else found.add(`${path}: ${typeof value}`)
  return found
}

const shapes = suite('a real kubelet')

/** What the recorded node had no occasion to say, with where a kubelet says it. */
const UNRECORDED_FIELDS = [
  // k8s.io/kubelet pkg/apis/stats/v1alpha1 VolumeStats.PVCRef: of volumes whose plugin can be measured, which hostPath can't.
  'pods[].volume[].pvcRef.name: string',
  'pods[].volume[].pvcRef.namespace: string',
]

shapes('has every field of our summary, of the same type', () => {
  const theirs = fieldsOf(JSON.parse(recorded('stats-summary.json')))
  const ours = fieldsOf(JSON.parse(JSON.stringify(buildSummary(measured()))))
  assert.deepEqual(
    [...ours].filter(field => !theirs.has(field)),
    UNRECORDED_FIELDS,
  )
})

shapes('has no other field in its summary than ours, except pressure stall information', () => {
  const theirs = fieldsOf(JSON.parse(recorded('stats-summary.json')))
  const ours = fieldsOf(JSON.parse(JSON.stringify(buildSummary(measured()))))
  const lacking = [...theirs].filter(field => !ours.has(field) && !/psi|\bio\.time/.test(field))
  // Swap is available to a container under the kubelet's LimitedSwap, which a simulated node doesn't have.
  assert.deepEqual(lacking, ['pods[].containers[].swap.swapAvailableBytes: number'])
})

/** Families that cAdvisor (metrics/prometheus.go) gives where a container's disk I/O is accounted, which it wasn't there. */
const UNRECORDED_FAMILIES: Record<string, string[]> = {
  'metrics-cadvisor.txt': ['container_fs_reads_bytes_total', 'container_fs_writes_bytes_total'],
  // pkg/kubelet/prober: the recorded pods had no probes.
  'metrics-probes.txt': ['prober_probe_total'],
  'metrics-resource.txt': [],
  // cmd/kubelet/app/server.go and pkg/kubelet/certificate for certificates, which that kubelet did not renew; pkg/kubelet/metrics for evictions and errors, of which it had
  // none; pkg/kubelet/metrics/collectors/volume_stats.go for volumes, of which it had none that can be measured.
  'metrics.txt': [
    'kubelet_certificate_manager_client_expiration_renew_errors',
    'kubelet_certificate_manager_client_ttl_seconds',
    'kubelet_certificate_manager_server_ttl_seconds',
    'kubelet_evictions',
    'kubelet_runtime_operations_errors_total',
    'kubelet_server_expiration_renew_errors',
    'kubelet_volume_stats_available_bytes',
    'kubelet_volume_stats_capacity_bytes',
    'kubelet_volume_stats_inodes',
    'kubelet_volume_stats_inodes_free',
    'kubelet_volume_stats_inodes_used',
    'kubelet_volume_stats_used_bytes',
  ],
}

/** A kubelet's own metrics after pods were deleted and one was evicted. */
function kubeletText(): string {
  const store = storeOfPods()
  for (let at = 0; at < 8; at++) {
    store.setPod(pod({ uid: `old-${at}`, name: `old-${at}` }))
    if (at === 0)
      store.setPod({ ...pod({ uid: 'old-0', name: 'old-0' }), work: { ...pod().work, 'memory.available': 1 } })
    store.deletePod(`old-${at}`)
  }
  const entry = there(store.node('node-0'))
  return kubeletMetricsText(measureNode(entry, NOW_MS), entry)
}

for (const [file, write] of [
  ['metrics-cadvisor.txt', () => cadvisorMetrics(measured()).text()],
  ['metrics-resource.txt', () => resourceMetricsText(measured())],
  ['metrics-probes.txt', () => probeMetricsText(measured())],
  ['metrics.txt', kubeletText],
] as const) {
  shapes(`has every family of our ${file}, with type, help, labels and time stamps`, () => {
    const theirs = familiesOf(recorded(file))
    const ours = familiesOf(write())
    assert.deepEqual(
      [...ours.keys()].filter(name => !theirs.has(name)),
      UNRECORDED_FAMILIES[file],
    )
    for (const [name, { type, help, labels, timed }] of ours) {
      const real = theirs.get(name)
      if (real === undefined) continue
      assert.deepEqual({ name, type, help, timed }, { name, type: real.type, help: real.help, timed: real.timed })
      for (const each of labels) assert(real.labels.has(each), `${name}: ${each}, not ${[...real.labels].join(' or ')}`)
    }
  })
}

shapes('has the cgroups of our cadvisor: node, pod, sandbox for the network, containers', () => {
  const shapeOf = (text: string, metric: string) => {
    const ids = [...text.matchAll(new RegExp(`^${metric}\\{.*?id="([^"]*)"`, 'gm'))].map(([, id = '']) => id)
    return new Set(ids.map(id => id.replace(/[0-9a-f]{64}/, '<id>').replace(/\/pod[\w-]+/g, '/pod<uid>')))
  }
  for (const metric of ['container_network_receive_bytes_total', 'container_memory_rss', 'container_spec_cpu_quota']) {
    // The recorded pods are all burstable.
    const theirs = shapeOf(recorded('metrics-cadvisor.txt'), metric)
    for (const id of shapeOf(cadvisorMetrics(measured()).text(), metric)) assert(theirs.has(id), `${metric} ${id}`)
  }
  const pod = '/kubepods/burstable/pod<uid>'
  assert.deepEqual(
    [...shapeOf(cadvisorMetrics(measured()).text(), 'container_memory_rss')],
    ['/', '/kubepods', pod, `${pod}/<id>`],
  )
  assert.match(
    cadvisorMetrics(measured()).text(),
    /^container_memory_rss\{container="",id="[^"]+",image="[^"]+\/pause:/m,
  )
})

shapes("has every field of our pods that isn't the API's", () => {
  const theirs = fieldsOf(JSON.parse(recorded('pods.json')))
  const [raw] = JSON.parse(recorded('pods.json')).items
  // What KWOK leaves out.
  for (const status of raw.status.containerStatuses) delete status.containerID
  const ours = fieldsOf(JSON.parse(podListText([there(podFacts(raw))])))
  assert.deepEqual(
    [...ours].filter(field => !theirs.has(field)),
    [],
  )
  assert(ours.has('items[].status.containerStatuses[].containerID: string'))
})

shapes('has values of the same magnitude as ours: an idle container and a node', () => {
  const theirs = JSON.parse(recorded('stats-summary.json'))
  const ours = buildSummary(measured())
  for (const field of ['inodes', 'capacityBytes', 'usedBytes'] as const) {
    const ratio = ours.node.fs[field] / theirs.node.fs[field]
    assert(ratio > 0.05 && ratio < 20, `${field} ${ratio}`)
  }
})

shapes.run()
