import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen, logOnce } from '../../cli/daemon.ts'
import { LabError, messageOf } from '../../cli/errors.ts'
import type { KubeClient } from '../../kube/api-client.ts'
import { fields, text } from '../../kube/json.ts'
import { startReflector } from '../../kube/reflector.ts'
import { createKubelets } from '../server/kubelets-server.ts'
import { createReviews } from '../server/reviews.ts'
import type { ShardFlags } from '../stats-proxy-flags.ts'
import type { StatsMetrics } from '../stats-proxy-metrics.ts'
import { openSavedMap } from '../store/saved-map.ts'
import type { StatsStore } from '../store/stats-store.ts'
import { createShardNodes, type ShardCounts } from './shard-nodes.ts'
import { shardHost } from './shard-owner.ts'

export interface ShardOptions {
  client: KubeClient
  store: StatsStore
  metrics: StatsMetrics
  isSynced: () => boolean
  /** Gives the store the pods of a node. */
  listPods: (node: string) => Promise<void>
  /** The file of certificates; without it they last as long as the process. */
  savedPath: string | undefined
  signal: AbortSignal
  log: (line: string) => void
}

/** The lowest port of a kubelet, and their number: below the ports that Linux gives to clients. */
const FIRST_PORT = 20_000
const PORTS = 10_000
/** Less than the grace period of the pod. */
const LEAVE_MS = 90_000

/**
 * One of several stats proxies in the cluster: serves the nodes that it owns, each kubelet at a port of its own. Resolves when the number of
 * shards is known. Throws a LabError when a CA's file cannot be read.
 */
export async function openShard(flags: ShardFlags, options: ShardOptions) {
  const { client, store, metrics, isSynced, signal, log } = options
  const once = logOnce(log)
  const saved = openSavedMap(options.savedPath, error =>
    once(messageOf(error), `Cannot keep certificates: ${messageOf(error)}`),
  )
  const kubelets = createKubelets({
    ...flags,
    ...{ saved, store, metrics, isSynced, log, logOnce: once },
    hostName: shardHost(flags.shard, flags.domain),
    book: { nodeAt: () => undefined },
    servesNodeExporters: true,
    reviews: createReviews({ client }),
  })
  const listeners = new Map<string, { port: number; server: Server }>()
  /** Not the lowest: a collector may still read the node that had it. */
  let nextPort = Math.floor(Math.random() * PORTS)
  const ports = {
    async open(node: string, wanted?: number): Promise<number> {
      const known = listeners.get(node)
      if (known !== undefined) return known.port
      const server = createServer(socket => void kubelets.accept(socket, node, flags.podIp))
      const port = await listenOnFreePort(server, wanted)
      listeners.set(node, { port, server })
      return port
    },
    close(node: string) {
      listeners.get(node)?.server.close()
      listeners.delete(node)
      kubelets.disconnect(node)
      kubelets.certificates.forget(node)
    },
  }

  const sets = new Map<string, ReturnType<typeof statefulSetCounts>>()
  const [ownName = ''] = flags.domain.split('.', 1)
  const setsPath = `/apis/apps/v1/namespaces/${flags.namespace}/statefulsets`
  const counts = (): ShardCounts | undefined => {
    const own = [...sets.values()].find(({ name }) => name === ownName)
    return own && { wanted: own.wanted, isComplete: [...sets.values()].every(each => each.isComplete) }
  }
  const nodes = createShardNodes({
    ...{ ...flags, client, store, counts, ports, listPods: options.listPods, logOnce: once },
    async hasEnded(shard) {
      const { status } = await client.request('GET', `/api/v1/namespaces/${flags.namespace}/pods/${ownName}-${shard}`)
      return status === 404
    },
    countHandOver: metrics.countHandOver,
  })
  const reflector = startReflector({
    ...{ client, signal, log },
    path: setsPath,
    query: { labelSelector: 'kube-otel-lab/sharded=true' },
    reduce: statefulSetCounts,
    apply(event) {
      if (event.type === 'set') sets.set(event.key, event.object)
      else sets.delete(event.key)
      nodes.check()
    },
  })
  await reflector.firstSync

  return {
    reflector,
    nodes,
    /** Gives the nodes away if this shard is not wanted any more, and ends all connections. */
    async close(): Promise<void> {
      try {
        const { status, body } = await client.request('GET', `${setsPath}/${ownName}`, { timeoutMs: 5_000 })
        const { wanted, isDeleted } = statefulSetCounts(body)
        if (status === 200 && !isDeleted && wanted <= flags.shard) {
          log(`giving ${nodes.heldCount} nodes to the other shards`)
          await nodes.leave(AbortSignal.timeout(LEAVE_MS))
        }
      } catch (error) {
        log(`Cannot give the nodes away: ${messageOf(error)}`)
      }
      for (const { server } of listeners.values()) server.close()
      await sleep(0)
    },
  }

  async function listenOnFreePort(server: Server, wanted = 0): Promise<number> {
    const used = new Set([...listeners.values()].map(({ port }) => port))
    for (let tries = 0; tries <= PORTS; tries++) {
      const port = tries === 0 ? wanted : FIRST_PORT + (nextPort++ % PORTS)
      if (used.has(port) || port < FIRST_PORT || port >= FIRST_PORT + PORTS) continue
      try {
        await listen(server, { host: flags.address, port })
        return port
      } catch (error) {
        if (!(error instanceof LabError)) throw error
        server.removeAllListeners('error')
      }
    }
    throw new LabError(`Every port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} is in use`)
  }
}

function statefulSetCounts(raw: unknown) {
  const { metadata, spec, status } = fields(raw)
  const { name, generation, deletionTimestamp } = fields(metadata)
  const { readyReplicas = 0, observedGeneration = 0 } = fields(status)
  const wanted = Number(fields(spec).replicas ?? 1)
  return {
    name: text(name) ?? '',
    wanted,
    isComplete: Number(readyReplicas) >= wanted && Number(observedGeneration) >= Number(generation),
    isDeleted: deletionTimestamp !== undefined,
  }
}
