import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { messageOf } from '../../cli/errors.ts'
import { ApiStatusError, type KubeClient } from '../../kube/api-client.ts'
import { fields, items, text } from '../../kube/json.ts'
import { statusPatch } from '../addresses/node-addresses.ts'
import type { NodeFacts } from '../objects/facts.ts'
import type { StatsMetrics } from '../stats-proxy-metrics.ts'
import type { NodeCounters, StatsStore } from '../store/stats-store.ts'
import { kubeletOf, shardHost, shardOf } from './shard-owner.ts'

/** The annotation of a node that no shard serves: its counters, for the shard that takes it over. */
const COUNTERS = 'kube-otel-lab/counters'

/** The shards of a StatefulSet. */
export interface ShardCounts {
  wanted: number
  /** Every wanted shard is ready, and its collector too. */
  isComplete: boolean
}

export interface ShardNodesOptions {
  client: Pick<KubeClient, 'request'>
  store: StatsStore
  shard: number
  /** The domain of the shards' host names. */
  domain: string
  /** The address of this shard's pod. */
  podIp: string
  /** Undefined until they are known. */
  counts: () => ShardCounts | undefined
  /** Whether a shard has ended. One that is not wanted any more hands its nodes over before. */
  hasEnded: (shard: number) => Promise<boolean>
  /** Gives the store the pods of a node. */
  listPods: (node: string) => Promise<void>
  /** Listens on a port of the node's own, if possible the given one, and stops that. */
  ports: { open: (node: string, port?: number) => Promise<number>; close: (node: string) => void }
  countHandOver: StatsMetrics['countHandOver']
  logOnce: (subject: string, line: string) => void
  /** The number of nodes that are changed at a time, and the wait after a failure. */
  concurrency?: number
  pauseMs?: number
}

/** A node that this shard serves or is about to serve. */
interface HeldNode {
  uid: string
  /** What it was taken from, by `stateOf`. */
  from: string
  /** Undefined until the store has its pods. */
  port?: number
  /**
   * `patched`: the API server has accepted this shard's address; `seen`: a watch event has shown it, and later ones are newer.
   */
  address: 'none' | 'patched' | 'seen'
}

/**
 * The nodes that this shard serves. Who serves a node stands in its status, as InternalDNS, so that shards and collectors agree on it. A
 * shard that does not own a node any more removes that address, and adds the counters as an annotation in the same patch; the owner
 * continues them. So no two shards serve a node, and none of its counters falls.
 */
export function createShardNodes(options: ShardNodesOptions) {
  const { client, store, shard, domain, podIp, counts, hasEnded, listPods, ports, countHandOver, logOnce } = options
  const { concurrency = 8, pauseMs = 1_000 } = options
  const host = shardHost(shard, domain)
  const nodes = new Map<string, NodeFacts>()
  const nameByUid = new Map<string, string>()
  const held = new Map<string, HeldNode>()
  /** Given away, and the watch still shows this shard. */
  const released = new Map<string, string>()
  const queue = new Set<string>()
  /** Shards that are not wanted any more: whether they have ended, and when that was asked. */
  const former = new Map<number, { askedMs: number; hasEnded: Promise<boolean> }>()
  const working = new Set<string>()
  let isStarted = false
  let isLeaving = false

  return {
    /** For each change of a node. */
    setNode(facts: NodeFacts) {
      const before = nodes.get(facts.name)
      if (before !== undefined && before.uid !== facts.uid) forget(before)
      nodes.set(facts.name, facts)
      nameByUid.set(facts.uid, facts.name)
      const own = held.get(facts.name)
      const holder = holderOf(facts)
      if (holder !== shard) released.delete(facts.name)
      if (own !== undefined && holder === shard) own.address = 'seen'
      if (own !== undefined && (holder === shard || own.address !== 'seen')) store.setNode(facts)
      enqueue(facts.name)
    },

    deleteNode(uid: string) {
      const facts = nodes.get(nameByUid.get(uid) ?? '')
      if (facts !== undefined) forget(facts)
    },

    /** Whether the pods of a node belong to this shard. */
    holds: (name: string) => held.has(name),

    /** Must be called when all nodes are listed, before the pods are: their list has those of the nodes that are taken now. */
    takeOwn() {
      for (const facts of nodes.values()) if (mayTake(facts)) begin(facts)
    },

    /** Must be called when the pods are listed: serves and publishes the nodes. */
    start() {
      isStarted = true
      for (const name of nodes.keys()) enqueue(name)
    },

    /** For each change of the counts. */
    check() {
      for (const name of nodes.keys()) enqueue(name)
    },

    /** Gives all nodes away; resolves when that is done. */
    async leave(signal: AbortSignal): Promise<void> {
      isLeaving = true
      while (held.size > 0 && !signal.aborted) {
        for (const name of held.keys()) enqueue(name)
        await sleep(100)
      }
    },

    get heldCount() {
      return held.size
    },
  }

  function holderOf({ object }: NodeFacts): number | undefined {
    return kubeletOf(object.status, domain)?.shard
  }

  function mayTake(facts: NodeFacts): boolean {
    const now = counts()
    const holder = holderOf(facts)
    if (now === undefined || isLeaving || released.get(facts.name) === facts.uid) return false
    return holder === shard || (holder === undefined && shardOf(facts.name, now.wanted) === shard)
  }

  /** Whether a node that this shard owns is left by a shard that ended without handing it over, such as a killed one. */
  async function isLeft(facts: NodeFacts, { wanted }: ShardCounts): Promise<boolean> {
    const holder = holderOf(facts)
    if (holder === undefined || holder < wanted || isLeaving || shardOf(facts.name, wanted) !== shard) return false
    let known = former.get(holder)
    if (known === undefined || Date.now() - known.askedMs >= pauseMs) {
      known = { askedMs: Date.now(), hasEnded: hasEnded(holder) }
      former.set(holder, known)
    }
    if (await known.hasEnded) return nodes.get(facts.name) === facts
    setTimeout(() => enqueue(facts.name), pauseMs).unref()
    return false
  }

  /** Who serves a node, and the counters that it was given away with. */
  function stateOf(facts: NodeFacts): string {
    return `${holderOf(facts)} ${countersText(facts)}`
  }

  /** Whether the node was taken from a state that is not the last one, or has lost this shard's address. */
  function isOutdated(facts: NodeFacts, { address, from }: HeldNode): boolean {
    if (holderOf(facts) === shard || address === 'patched') return false
    return address === 'seen' || stateOf(facts) !== from
  }

  function begin(facts: NodeFacts): HeldNode {
    const given = countersText(facts)
    const counters = given === undefined ? undefined : readCounters(given)
    if (counters !== undefined) store.adopt(counters)
    store.setNode(facts)
    store.pause(facts.name, true)
    const address = holderOf(facts) === shard ? 'seen' : 'none'
    const own: HeldNode = { uid: facts.uid, from: stateOf(facts), address }
    held.set(facts.name, own)
    return own
  }

  function end(name: string): void {
    held.delete(name)
    ports.close(name)
    store.dropNode(name)
  }

  function forget({ name, uid }: NodeFacts): void {
    nameByUid.delete(uid)
    if (nodes.get(name)?.uid === uid) nodes.delete(name)
    released.delete(name)
    if (held.get(name)?.uid === uid) end(name)
  }

  function enqueue(name: string): void {
    queue.add(name)
    if (isStarted) setImmediate(work)
  }

  function work(): void {
    for (const name of queue) {
      if (working.size >= concurrency) return
      if (working.has(name)) continue
      queue.delete(name)
      working.add(name)
      void reconcile(name)
        .catch(async (error: unknown) => {
          const why = messageOf(error)
          logOnce(why, `node ${name}: ${why}; trying again (maybe others too)`)
          await sleep(pauseMs)
          queue.add(name)
        })
        .finally(() => {
          working.delete(name)
          work()
        })
    }
  }

  /** Brings one node into the state that it must have here. Rejects when the API server cannot be reached or refuses. */
  async function reconcile(name: string): Promise<void> {
    const now = counts()
    if (now === undefined) return
    let own = held.get(name)
    if (own === undefined) {
      const found = nodes.get(name)
      if (found === undefined || (!mayTake(found) && !(await isLeft(found, now)))) return
      own = begin(found)
      try {
        await listPods(name)
      } catch (error) {
        if (held.get(name) === own) end(name)
        throw error
      }
      store.endRestore(found.uid)
      countHandOver('taken')
    }
    const facts = nodes.get(name)
    // The node was deleted meanwhile.
    if (facts === undefined || held.get(name) !== own) return
    if (isOutdated(facts, own)) {
      end(name)
      return enqueue(name)
    }
    if (isLeaving || (now.isComplete && shardOf(name, now.wanted) !== shard)) return await release(facts, own)
    if (own.port === undefined) {
      // Collectors know the port of an earlier process of this shard.
      const known = kubeletOf(facts.object.status, domain)
      own.port = await ports.open(name, known?.shard === shard ? known.port : undefined)
      if (held.get(name) !== own) return ports.close(name)
    }
    if (own.address !== 'none') store.pause(name, false)
    const body = statusPatch(facts, podIp, { port: own.port, internalDns: host })
    if (body === undefined || own.address === 'patched') return
    if (!(await patch(facts, null, fields(JSON.parse(body)))) || held.get(name) !== own) return
    if (own.address === 'none') own.address = 'patched'
    store.pause(name, false)
  }

  /** A node whose patch may have been applied although its answer was lost stays paused: its owner continues the counters of the patch. */
  async function release(facts: NodeFacts, own: HeldNode): Promise<void> {
    const { name, uid, object } = facts
    store.pause(name, true)
    const counters = store.countersOf(name)
    const addresses = items(fields(object.status).addresses).filter(each => {
      const { type } = fields(each)
      return type !== 'InternalIP' && type !== 'InternalDNS'
    })
    const isWritten = await patch(facts, counters === undefined ? null : writeCounters(counters), {
      status: { addresses },
    })
    if (!isWritten) return
    countHandOver('released')
    released.set(name, uid)
    if (held.get(name) === own) end(name)
  }

  /**
   * Changes the node's status and annotation. False for a node that has changed in the meantime: the watch reports it, and another shard may
   * have taken it.
   */
  async function patch({ name, object }: NodeFacts, counters: string | null, change: object): Promise<boolean> {
    const path = `/api/v1/nodes/${encodeURIComponent(name)}/status`
    const { resourceVersion } = fields(object.metadata)
    const body = { ...change, metadata: { resourceVersion, annotations: { [COUNTERS]: counters } } }
    const answer = await client.request('PATCH', path, { body, contentType: 'application/merge-patch+json' })
    if (answer.status === 404 || answer.status === 409) return false
    if (answer.status >= 300) throw new ApiStatusError(`Cannot write ${path}`, answer)
    return true
  }
}

function countersText({ object }: NodeFacts): string | undefined {
  return text(fields(fields(object.metadata).annotations)[COUNTERS])
}

/** Counters as the text of an annotation: an eighth of their JSON. */
export function writeCounters(counters: NodeCounters): string {
  return deflateRawSync(JSON.stringify(counters)).toString('base64')
}

/** Reads the text of `writeCounters`; undefined for another text, which a user may have written. */
export function readCounters(annotation: string): NodeCounters | undefined {
  try {
    const { timeMs, changes } = fields(JSON.parse(inflateRawSync(Buffer.from(annotation, 'base64')).toString()))
    const pairs = items(changes).filter(
      (each): each is [string, unknown] => Array.isArray(each) && text(each[0]) !== undefined,
    )
    return typeof timeMs === 'number' ? { timeMs, changes: pairs } : undefined
  } catch {
    return undefined
  }
}
