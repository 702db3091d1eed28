import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { kubeletOf, shardHost, shardOf } from '../../../../lib/kubelet/shards/shard-owner.ts'

const DOMAIN = 'stats-proxy.kube-otel-lab.svc'
const names = Array.from({ length: 5_000 }, (_, index) => `sim-${String(index).padStart(4, '0')}`)

const owners = suite('shardOf()')

for (const shards of [1, 4, 16]) {
  owners(`shares the chart's 5,000 nodes among ${shards} within 10 %`, () => {
    const counts = new Map<number, number>()
    for (const name of names) counts.set(shardOf(name, shards), (counts.get(shardOf(name, shards)) ?? 0) + 1)
    assert.equal(counts.size, shards)
    for (const [shard, count] of counts) {
      assert(Math.abs(count / (names.length / shards) - 1) < 0.1, `shard ${shard} has ${count} nodes`)
    }
  })
}

owners('moves nodes to an added shard only, about its share', () => {
  for (const shards of [1, 3, 4, 15]) {
    const moved = names.filter(name => shardOf(name, shards) !== shardOf(name, shards + 1))
    assert.deepEqual(
      moved.filter(name => shardOf(name, shards + 1) !== shards),
      [],
    )
    assert(moved.length < (1.1 * names.length) / (shards + 1), `${moved.length} of ${shards} shards move`)
  }
})
owners.run()

const kubelets = suite('kubeletOf()')

kubelets('reads shard, host and port from the status', () => {
  const host = shardHost(12, DOMAIN)
  assert.equal(host, 'stats-proxy-12.stats-proxy.kube-otel-lab.svc')
  const addresses = [
    { type: 'InternalIP', address: '10.1.2.3' },
    { type: 'InternalDNS', address: host },
  ]
  const status = { addresses, daemonEndpoints: { kubeletEndpoint: { Port: 20_007 } } }
  assert.deepEqual(kubeletOf(status, DOMAIN), { shard: 12, host, port: 20_007 })
})

kubelets('knows no other node', () => {
  for (const address of [
    'ip-10-0-0-1.ec2.internal',
    'stats-proxy-1.stats-proxy.other.svc',
    'other-1.stats-proxy.kube-otel-lab.svc',
  ]) {
    assert.equal(kubeletOf({ addresses: [{ type: 'InternalDNS', address }] }, DOMAIN), undefined, address)
  }
  assert.equal(kubeletOf({}, DOMAIN), undefined)
})
kubelets.run()
