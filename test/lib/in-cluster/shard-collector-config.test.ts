import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { shardCollectorConfig } from '../../../lib/in-cluster/shard-collector-config.ts'

const base = `
receivers:
  kubelet_stats: { auth_type: tls, collection_interval: 10s }
  k8s_cluster: { collection_interval: 10s }
  k8s_events: {}
  otlp: { protocols: {} }
service:
  pipelines:
    metrics: { receivers: [kubelet_stats, k8s_cluster], exporters: [out] }
    otlp: { receivers: [otlp], exporters: [out] }
    logs: { receivers: [k8s_events], exporters: [out] }
`
const nodes = new Map([
  ['sim-1', 'stats-proxy-0.stats-proxy.lab.svc:20001'],
  ['sim-0', 'stats-proxy-0.stats-proxy.lab.svc:20000'],
])

const config = suite('shardCollectorConfig()')

config('gives each node a receiver at its own port, in the order of names', () => {
  const { receivers, service } = parse(shardCollectorConfig(base, { nodes, isLeader: false, intervalMs: 5_000 }))
  assert.deepEqual(Object.keys(receivers), ['otlp', 'kubelet_stats/sim-0', 'kubelet_stats/sim-1'])
  assert.deepEqual(receivers['kubelet_stats/sim-1'], {
    ...{ auth_type: 'tls', collection_interval: '5s', initial_delay: '1020ms' },
    endpoint: 'https://stats-proxy-0.stats-proxy.lab.svc:20001',
  })
  assert.deepEqual(service.pipelines, {
    metrics: { receivers: ['kubelet_stats/sim-0', 'kubelet_stats/sim-1'], exporters: ['out'] },
    otlp: { receivers: ['otlp'], exporters: ['out'] },
  })
})

config('has the receivers of the whole cluster at the leader, and no pipeline without receivers', () => {
  const { receivers, service } = parse(
    shardCollectorConfig(base, { nodes: new Map(), isLeader: true, intervalMs: 5_000 }),
  )
  assert.deepEqual(Object.keys(receivers), ['k8s_cluster', 'k8s_events', 'otlp'])
  assert.equal(receivers.k8s_cluster.collection_interval, '5s')
  assert.deepEqual(Object.keys(service.pipelines), ['metrics', 'otlp', 'logs'])
  const other = parse(shardCollectorConfig(base, { nodes: new Map(), isLeader: false, intervalMs: 5_000 }))
  assert.deepEqual(Object.keys(other.service.pipelines), ['otlp'])
})
config.run()
