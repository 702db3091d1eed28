import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import { fields, items, merged } from '../../../../lib/kube/json.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { nodeFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import {
  createShardNodes,
  readCounters,
  type ShardCounts,
  writeCounters,
} from '../../../../lib/kubelet/shards/shard-nodes.ts'
import { kubeletOf, shardOf } from '../../../../lib/kubelet/shards/shard-owner.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { pod, rawNode, START_MS, there } from '../kubelet-fixtures.ts'

const DOMAIN = 'stats-proxy.lab.svc'
const names = Array.from({ length: 40 }, (_, index) => `sim-${index}`)

/**
 * An API server with nodes, and shards that see its changes late and in an order of their own, as watches do. `faults` is the share of
 * patches whose answer is lost, half of them after they were applied.
 */
function createCluster({ faults = 0 } = {}) {
  const objects = new Map(names.map(name => [name, fields(rawNode({ uid: `uid-${name}`, name }))]))
  const shards = new Map<number, ReturnType<typeof startShard>>()
  let [wanted, seed] = [0, 7]
  let pods = [0, 1]
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const counts = (): ShardCounts => ({ wanted, isComplete: true })

  const client = {
    async request(_method: string, path: string, { body }: { body?: unknown } = {}) {
      await sleep(random() * 2)
      const name = path.split('/').at(-2) ?? ''
      const isLost = random() < faults
      if (isLost && random() < 0.5) throw new Error('connection reset')
      const before = fields(objects.get(name)?.['metadata'])
      if (fields(fields(body)['metadata'])['resourceVersion'] !== before['resourceVersion'])
        return { status: 409, body: {} }
      const after = merged(objects.get(name), fields(body))
      // As a merge patch deletes.
      const annotations = Object.entries(fields(fields(after['metadata'])['annotations']))
      Object.assign(fields(after['metadata']), {
        annotations: Object.fromEntries(annotations.filter(([, value]) => value !== null)),
        resourceVersion: String(Number(before['resourceVersion'] ?? 0) + 1),
      })
      objects.set(name, after)
      for (const shard of shards.values()) shard.see(after)
      if (isLost) throw new Error('connection reset')
      return { status: 200, body: after }
    },
  }

  function startShard(shard: number) {
    // Its clock is behind the others'.
    const store = createStore({ clock: () => Date.now() - shard * 50 })
    const nodes = createShardNodes({
      ...{ client, store, shard, domain: DOMAIN, podIp: `10.0.0.${shard + 1}`, counts, pauseMs: 5 },
      async listPods(name) {
        await sleep(random() * 3)
        for (const at of pods) store.setPod(pod({ uid: `pod-${name}-${at}`, name: `p-${at}`, nodeName: name }))
      },
      hasEnded: async other => !shards.has(other),
      ports: { open: async () => 20_000, close: () => {} },
      countHandOver: () => {},
      logOnce: () => {},
    })
    let last = Promise.resolve()
    const see = (raw: unknown) => {
      const seenAtMs = Date.now() + random() * 5
      last = last.then(async () => {
        await sleep(Math.max(0, seenAtMs - Date.now()))
        nodes.setNode(there(nodeFacts(raw)))
      })
    }
    for (const raw of objects.values()) nodes.setNode(there(nodeFacts(raw)))
    nodes.takeOwn()
    for (const name of names) {
      if (!nodes.holds(name)) continue
      for (const at of pods) store.setPod(pod({ uid: `pod-${name}-${at}`, name: `p-${at}`, nodeName: name }))
    }
    store.endRestore()
    nodes.start()
    return { store, nodes, see }
  }

  return {
    shards,
    objects,
    scale(to: number) {
      wanted = to
      for (let shard = 0; shard < to; shard++) if (!shards.has(shard)) shards.set(shard, startShard(shard))
      for (const { nodes } of shards.values()) nodes.check()
    },
    async remove(shard: number) {
      await there(shards.get(shard)).nodes.leave(AbortSignal.timeout(5_000))
      shards.delete(shard)
    },
    setPods: (next: number[]) => {
      pods = next
    },
    isSettled: () =>
      names.every(name => kubeletOf(fields(objects.get(name))['status'], DOMAIN)?.shard === shardOf(name, wanted)),
  }
}

/** Reads every node at every shard until the condition holds: no two serve it, and its CPU time does not fall. */
async function watchUntil(cluster: ReturnType<typeof createCluster>, seen: Map<string, number>, holds: () => boolean) {
  const endMs = Date.now() + 15_000
  for (;;) {
    for (const name of names) {
      const served = [...cluster.shards.values()].flatMap(({ store }) => {
        const read = store.read(name)
        return read === undefined ? [] : [measureNode(read.entry, read.nowMs).total.usageCoreNanoSeconds]
      })
      assert(served.length <= 1, `${name} is served ${served.length} times`)
      const [value] = served
      if (value === undefined) continue
      const before = seen.get(name) ?? 0
      assert(value >= before, `${name} falls from ${before} to ${value}`)
      seen.set(name, value)
    }
    if (holds()) return
    assert(Date.now() < endMs, 'not settled')
    await sleep(1)
  }
}

const shards = suite('createShardNodes()')

for (const faults of [0, 0.2]) {
  shards(
    `hands nodes over to added and removed shards, none served twice and no counter falling (${faults} of the answers lost)`,
    async () => {
      const cluster = createCluster({ faults })
      const seen = new Map<string, number>()
      cluster.scale(1)
      await watchUntil(cluster, seen, cluster.isSettled)
      for (const count of [3, 4]) {
        cluster.scale(count)
        const own = (shard: number) => names.filter(name => shardOf(name, count) === shard).length
        await watchUntil(cluster, seen, () =>
          [...cluster.shards].every(([shard, { nodes }]) => nodes.heldCount === own(shard)),
        )
      }
      // A deleted pod's CPU time stays with its node, wherever that goes.
      cluster.setPods([0])
      for (const { store } of cluster.shards.values()) for (const name of names) store.deletePod(`pod-${name}-1`)
      cluster.scale(3)
      const leaving = cluster.remove(3)
      await watchUntil(cluster, seen, cluster.isSettled)
      await leaving
      assert.equal(seen.size, names.length)
      for (const { metadata } of cluster.objects.values()) assert.deepEqual(fields(metadata)['annotations'], {})
    },
  )
}

shards('takes the nodes of a shard that ended without giving them away', async () => {
  const cluster = createCluster()
  const seen = new Map<string, number>()
  cluster.scale(2)
  await watchUntil(cluster, seen, cluster.isSettled)
  cluster.shards.delete(1)
  cluster.scale(1)
  await watchUntil(cluster, new Map(), cluster.isSettled)
})

shards('serves a node again that it holds by its status, as after a restart', async () => {
  const cluster = createCluster()
  cluster.scale(2)
  await watchUntil(cluster, new Map(), cluster.isSettled)
  cluster.shards.delete(0)
  cluster.scale(2)
  const own = names.filter(name => shardOf(name, 2) === 0)
  await watchUntil(cluster, new Map(), () =>
    own.every(name => there(cluster.shards.get(0)).store.node(name) !== undefined),
  )
})
shards.run()

const counters = suite('readCounters()')

counters('reads what writeCounters() writes, in an eighth of the bytes', () => {
  const store = createStore({ clock: () => START_MS + 60_000 })
  store.setNode(there(nodeFacts(rawNode())))
  for (let at = 0; at < 110; at++) store.setPod(pod({ uid: `0123-${at}`, name: `p-${at}` }))
  const given = there(store.countersOf('node-0'))
  const text = writeCounters(given)
  assert.deepEqual(readCounters(text), JSON.parse(JSON.stringify(given)))
  assert.equal(items(given.changes).length, 111)
  // An object of the API may have 256 KiB of annotations.
  assert(text.length < 20_000, `${text.length} bytes for 110 pods`)
})

counters('reads no other text', () => {
  for (const text of ['', 'x', 'eyJ9', writeCounters({ timeMs: 1, changes: [] }).slice(2)])
    assert.equal(readCounters(text), undefined, text)
})
counters.run()
