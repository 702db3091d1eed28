import type { KubeClient } from '../kube/api-client.ts'
import { type Reflector, type ReflectorEvent, startReflector } from '../kube/reflector.ts'
import { nodeFacts, podFacts } from './objects/object-facts.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'
import { type UsageObject, usageObject } from './usage/usage-objects.ts'

export interface FollowOptions {
  client: KubeClient
  store: StatsStore
  metrics: StatsMetrics
  /** Filled in. */
  reflectors: Record<string, Reflector>
  signal: AbortSignal
  log: (line: string) => void
  /** Logs a line unless one about the same was logged. */
  once: (about: string, line: string) => void
}

/** Usage objects that can't be listed hold up the start no longer than this. */
const USAGE_OBJECTS_WAIT_MS = 10_000

/**
 * Keeps the store what the cluster is, until the signal. Resolves when everything has been listed. Usage objects go first:
 * what a pod has used since it started is reckoned when the pod is first seen. Then nodes: a pod that is deleted leaves its
 * counters to its node, which has to be there.
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { client, store, metrics, reflectors, signal, log, once } = options
  const common = { client, signal, log }
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
      const said = `${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}: ${why}`
      once(said, `${said}, not used`)
    }
    store.setUsageObject(object)
  }
  for (const kind of ['ResourceUsage', 'ClusterResourceUsage'] as const) {
    const plural = `${kind.toLowerCase()}s`
    reflectors[plural] = startReflector({
      ...common,
      path: `/apis/kwok.x-k8s.io/v1alpha1/${plural}`,
      // The lab's clusters have them; others may not.
      optional: true,
      reduce: raw => usageObject(kind, raw),
      apply: counted(plural, setUsage, store.deleteUsageObject),
    })
  }
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>(resolve => {
    timer = setTimeout(resolve, USAGE_OBJECTS_WAIT_MS)
  })
  await Promise.race([waited, Promise.all(Object.values(reflectors).map(each => each.firstSync))])
  clearTimeout(timer)
  reflectors.nodes = startReflector({
    ...common,
    path: '/api/v1/nodes',
    reduce: nodeFacts,
    apply: counted('nodes', store.setNode, store.deleteNode),
  })
  await reflectors.nodes.firstSync
  reflectors.pods = startReflector({
    ...common,
    path: '/api/v1/pods',
    query: { fieldSelector: 'spec.nodeName!=' },
    reduce: podFacts,
    apply: counted('pods', store.setPod, store.deletePod),
  })
  await reflectors.pods.firstSync
}
