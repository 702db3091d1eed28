import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { hash, pseudoRandom } from '../kubelet/usage/pseudo-random.ts'
import { type Call, callGraph, workloadKey } from './call-graph.ts'
import { idleMs } from './latency-model.ts'
import { type CallSemantics, callSemantics } from './span-semantics.ts'
import { type ServiceFacts, selects, type TracedPod, type WorkloadFacts } from './traced-objects.ts'

/** A ready pod that takes part in requests. */
export interface Endpoint {
  pod: TracedPod
  /** The same object for all spans of a pod: the exporter groups spans by it. */
  resource: Resource
  calls: readonly PlannedCall[]
  /** The latency of a request when the pod is idle. */
  idleMs: number
}

/** A call by requests to a workload. */
export interface PlannedCall {
  call: Call
  semantics: CallSemantics
  /** The share of requests with this call, 0.4 to 1. */
  share: number
}

/** The calls and ready pods of a cluster at one time. */
export interface Situation {
  /** The ready pods of each load generator that has some. */
  roots: readonly (readonly Endpoint[])[]
  /** The ready pods behind each Service that is called, by `<namespace>/<name>`. */
  endpoints: ReadonlyMap<string, readonly Endpoint[]>
  /** The scenarios of Services that are called, by `<namespace>/<name>`. */
  scenarios: ReadonlyMap<string, string>
  problems: readonly string[]
}

/** The workloads, Services and pods of a cluster. */
export type TracedCluster = ReturnType<typeof createTracedCluster>

/** How long a situation is reused: a thousand pods that start need one new situation. */
const REUSE_MS = 1_000

const attributeOf: Record<string, string> = {
  Deployment: 'k8s.deployment.name',
  StatefulSet: 'k8s.statefulset.name',
  DaemonSet: 'k8s.daemonset.name',
}

/** An empty cluster. */
export function createTracedCluster() {
  const workloads = new Map<string, WorkloadFacts>()
  const services = new Map<string, ServiceFacts>()
  const pods = new Map<string, TracedPod>()
  const resources = new WeakMap<TracedPod, Resource>()
  let isChanged = true
  let computedMs = Number.NEGATIVE_INFINITY
  let current: Situation = { roots: [], endpoints: new Map(), scenarios: new Map(), problems: [] }

  return {
    setWorkload: change((facts: WorkloadFacts) => workloads.set(facts.uid, facts)),
    deleteWorkload: change((uid: string) => workloads.delete(uid)),
    setService: change((facts: ServiceFacts) => services.set(facts.uid, facts)),
    deleteService: change((uid: string) => services.delete(uid)),
    setPod: change((pod: TracedPod) => pods.set(pod.uid, pod)),
    deletePod: change((uid: string) => pods.delete(uid)),
    /** The situation now, or up to a second ago. */
    situation(nowMs: number): Situation {
      if (isChanged && Math.abs(nowMs - computedMs) >= REUSE_MS) {
        current = compute()
        computedMs = nowMs
        isChanged = false
      }
      return current
    },
  }

  function change<T>(act: (what: T) => void): (what: T) => void {
    return what => {
      act(what)
      isChanged = true
    }
  }

  function compute(): Situation {
    const graph = callGraph(workloads.values(), services.values())
    const planned = new Map<string, PlannedCall[]>()
    for (const [key, { workload, calls }] of graph.callers) {
      const plan = (call: Call) => ({ call, semantics: callSemantics(call), share: callShare(workload, call) })
      planned.set(key, calls.map(plan))
    }
    const rootPods = new Map<string, Endpoint[]>(graph.roots.map(({ workload }) => [workloadKey(workload), []]))
    const endpoints = new Map<string, Endpoint[]>()
    // By namespace, because a large cluster has many.
    const called = new Map<string, [ServiceFacts, Endpoint[]][]>()
    for (const [key, service] of graph.services) {
      const ready: Endpoint[] = []
      endpoints.set(key, ready)
      called.set(service.namespace, [...(called.get(service.namespace) ?? []), [service, ready]])
    }
    for (const pod of pods.values()) {
      if (!pod.ready) continue
      const key = pod.owner === undefined ? '' : workloadKey({ ...pod.owner, namespace: pod.namespace })
      const behind = (called.get(pod.namespace) ?? []).filter(([service]) => selects(service, pod))
      const root = rootPods.get(key)
      if (root === undefined && behind.length === 0) continue
      const name = pod.owner?.name ?? behind[0]?.[0].name ?? pod.name
      const idle = idleMs(hash(`${pod.namespace}/${name}`))
      const endpoint = { pod, resource: resourceOf(pod, name), calls: planned.get(key) ?? [], idleMs: idle }
      root?.push(endpoint)
      for (const [, ready] of behind) ready.push(endpoint)
    }
    const roots = [...rootPods.values()].filter(ready => ready.length > 0)
    const scenarios = new Map(
      [...graph.services].flatMap(([key, { scenario }]) => (scenario === undefined ? [] : [[key, scenario]])),
    )
    return { roots, endpoints, scenarios, problems: graph.problems }
  }

  function resourceOf(pod: TracedPod, serviceName: string): Resource {
    const known = resources.get(pod)
    if (known !== undefined) return known
    const { owner, containerName } = pod
    const kind = owner === undefined ? undefined : attributeOf[owner.kind]
    const resource = resourceFromAttributes({
      'service.name': serviceName,
      'service.namespace': pod.namespace,
      'service.instance.id': pod.uid,
      'k8s.namespace.name': pod.namespace,
      'k8s.node.name': pod.nodeName,
      'k8s.pod.name': pod.name,
      'k8s.pod.uid': pod.uid,
      ...(containerName === undefined ? {} : { 'k8s.container.name': containerName }),
      ...(kind === undefined || owner === undefined ? {} : { [kind]: owner.name }),
    })
    resources.set(pod, resource)
    return resource
  }
}

function callShare({ namespace, name }: WorkloadFacts, { service }: Call): number {
  return 0.4 + 0.6 * pseudoRandom(hash(`${namespace}/${name} ${service}`), 12)
}
