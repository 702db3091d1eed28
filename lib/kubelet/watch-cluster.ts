import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../kube/api-client.ts'
import { fields } from '../kube/json.ts'
import { type Reflector, type ReflectorEvent, startReflector } from '../kube/reflector.ts'
import type { PodFacts } from './objects/facts.ts'
import { nodeFacts, podFacts } from './objects/object-facts.ts'
import { simulatedLabel } from './shards/shard-owner.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'
import { type UsageObject, usageObject } from './usage/usage-objects.ts'

type ClusterObjects = Pick<StatsStore, 'setNode' | 'deleteNode' | 'setPod' | 'deletePod'>

interface Shard extends Pick<ClusterObjects, 'setNode' | 'deleteNode'> {
  holds: (node: string) => boolean
  takeOwn: () => void
}

export interface WatchOptions {
  client: KubeClient
  store: StatsStore
  metrics: StatsMetrics
  /** Gets the changes of nodes and pods after the store. */
  addresses?: ClusterObjects | undefined
  /** Gets the nodes instead of the store, and decides which pods the store gets. */
  shard?: Shard | undefined
  /** Gets the reflectors by plural kind. */
  reflectors: Record<string, Reflector>
  signal: AbortSignal
  log: (line: string) => void
  /** Logs a line unless one with the same key was logged. */
  logOnce: (about: string, line: string) => void
}

/** How long the start waits for the list of usage objects. */
const USAGE_OBJECTS_WAIT_MS = 10_000
/** How long the API may be unreachable before the proxy is not ready. */
const DISCONNECTED_MS = 15_000
/** An open watch receives at least a bookmark in its 60 s; one without hangs. */
const IDLE_MS = 80_000

/**
 * Keeps the store equal to the cluster until the signal. Resolves when everything is listed. Usage objects come first, because
 * the usage of a pod since its start is computed when it is first seen. Nodes come before pods, because a deleted pod leaves
 * its counters to its node.
 */
export async function watchCluster(options: WatchOptions): Promise<void> {
  const { client, store, metrics, reflectors, shard, signal, log, logOnce } = options
  const common = { client, signal, log }
  const all: ClusterObjects[] = options.addresses === undefined ? [store] : [store, options.addresses]
  const nodeSets = shard === undefined ? all : [shard]
  const counted =
    <T>(kind: string, set: (object: T) => void, remove: (uid: string) => void) =>
    (event: ReflectorEvent<T>) => {
      metrics.countEvent(kind, event.type)
      if (event.type === 'set') set(event.object)
      else remove(event.key)
    }
  const setUsage = (object: UsageObject) => {
    for (const why of object.problems) {
      metrics.countUsageProblem(object.kind)
      const line = `${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}: ${why}`
      logOnce(line, `${line}, not used`)
    }
    store.setUsageObject(object)
  }
  for (const kind of ['ResourceUsage', 'ClusterResourceUsage'] as const) {
    const plural = `${kind.toLowerCase()}s`
    reflectors[plural] = startReflector({
      ...common,
      path: `/apis/kwok.x-k8s.io/v1alpha1/${plural}`,
      // Other clusters than the lab's may not have these kinds.
      optional: true,
      reduce: raw => usageObject(kind, raw),
      apply: counted(plural, setUsage, store.deleteUsageObject),
    })
  }
  const listed = Promise.all(Object.values(reflectors).map(each => each.firstSync))
  await Promise.race([sleep(USAGE_OBJECTS_WAIT_MS, undefined, { ref: false }), listed])
  reflectors.nodes = startReflector({
    ...common,
    path: '/api/v1/nodes',
    query: shard === undefined ? {} : { labelSelector: `${simulatedLabel}=true` },
    reduce: nodeFacts,
    apply: counted(
      'nodes',
      facts => nodeSets.forEach(each => void each.setNode(facts)),
      uid => nodeSets.forEach(each => void each.deleteNode(uid)),
    ),
  })
  await reflectors.nodes.firstSync
  shard?.takeOwn()
  reflectors.pods = startReflector({
    ...common,
    path: '/api/v1/pods',
    query: { fieldSelector: 'spec.nodeName!=' },
    reduce: (raw): PodFacts | undefined =>
      shard?.holds(String(fields(fields(raw).spec).nodeName)) === false ? undefined : podFacts(raw),
    apply: counted(
      'pods',
      facts => all.forEach(each => void each.setPod(facts)),
      uid => all.forEach(each => void each.deletePod(uid)),
    ),
  })
  await reflectors.pods.firstSync
}

/** Why the store may not match the cluster, in one line; undefined while it does. */
export function unreadyReason(
  reflectors: Record<string, Pick<Reflector, 'synced' | 'connected' | 'lastContactMs' | 'trouble'>>,
  nowMs: number,
): string | undefined {
  const kinds = Object.entries(reflectors)
  if (kinds.length === 0) return 'not connected to the Kubernetes API yet'
  for (const [kind, { synced, connected, lastContactMs, trouble }] of kinds) {
    const why = trouble === undefined ? '' : `: ${trouble}`
    if (!synced) return `${kind} have not been listed yet${why}`
    const ageMs = nowMs - (lastContactMs ?? Number.NEGATIVE_INFINITY)
    if (ageMs > (connected ? IDLE_MS : DISCONNECTED_MS)) {
      return `no contact with the Kubernetes API for ${Math.round(ageMs / 1_000)} s (${kind})${why}`
    }
  }
  return undefined
}
