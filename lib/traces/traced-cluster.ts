import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { hash, pseudoRandom } from '../kubelet/usage/pseudo-random.ts'
import { cyclesOf } from './call-cycles.ts'
import { type Call, callGraph, workloadKey } from './call-graph.ts'
import { idleMs } from './latency-model.ts'
import { type CallWords, callWords } from './span-semantics.ts'
import { type ServiceFacts, selects, type TracedPod, type WorkloadFacts } from './traced-objects.ts'

/** A ready pod that takes part in requests. */
export interface Endpoint {
  pod: TracedPod
  /** One object a pod: the exporter groups spans by it. */
  resource: Resource
  calls: readonly PlannedCall[]
  /** What a request takes when the pod is idle. */
  idleMs: number
}

/** A call that a workload's requests make. */
export interface PlannedCall {
  call: Call
  words: CallWords
  /** The share of its requests that make this call, 0.4 to 1. */
  share: number
}

/** Who calls whom, and who is there to answer, at one time. */
export interface Situation {
  /** Each load generator's ready pods; only those that have some. */
  roots: readonly (readonly Endpoint[])[]
  /** The ready pods behind each Service that is called, by `<namespace>/<name>`. */
  endpoints: ReadonlyMap<string, readonly Endpoint[]>
  problems: readonly string[]
}

/** What is known of a cluster's workloads, Services and pods. */
export interface TracedCluster {
  setWorkload(facts: WorkloadFacts): void
  deleteWorkload(uid: string): void
  setService(facts: ServiceFacts): void
  deleteService(uid: string): void
  setPod(pod: TracedPod): void
  deletePod(uid: string): void
  /** As things are now, or were up to a second ago. */
  situation(nowMs: number): Situation
}

/** A thousand pods that start are one new situation, not a thousand. */
const HOLD_MS = 1_000

const attributeOf: Record<string, string> = {
  Deployment: 'k8s.deployment.name',
  StatefulSet: 'k8s.statefulset.name',
  DaemonSet: 'k8s.daemonset.name',
}

/** An empty cluster. */
export function createTracedCluster(): TracedCluster {
  const workloads = new Map<string, WorkloadFacts>()
  const services = new Map<string, ServiceFacts>()
  const pods = new Map<string, TracedPod>()
  const resources = new WeakMap<TracedPod, Resource>()
  let isChanged = true
  let madeMs = Number.NEGATIVE_INFINITY
  let made: Situation = { roots: [], endpoints: new Map(), problems: [] }

  return {
    setWorkload: change(facts => workloads.set(facts.uid, facts)),
    deleteWorkload: change(uid => workloads.delete(uid)),
    setService: change(facts => services.set(facts.uid, facts)),
    deleteService: change(uid => services.delete(uid)),
    setPod: change(pod => pods.set(pod.uid, pod)),
    deletePod: change(uid => pods.delete(uid)),
    situation(nowMs) {
      if (isChanged && Math.abs(nowMs - madeMs) >= HOLD_MS) {
        made = make()
        madeMs = nowMs
        isChanged = false
      }
      return made
    },
  }

  function change<T>(act: (what: T) => void): (what: T) => void {
    return what => {
      act(what)
      isChanged = true
    }
  }

  function make(): Situation {
    const graph = callGraph(workloads.values(), services.values())
    const planned = new Map<string, PlannedCall[]>()
    for (const [key, { workload, calls }] of graph.callers) {
      const plan = (call: Call) => ({ call, words: callWords(call), share: callShare(workload, call) })
      planned.set(key, calls.map(plan))
    }
    const rootPods = new Map<string, Endpoint[]>(graph.roots.map(({ workload }) => [workloadKey(workload), []]))
    const endpoints = new Map<string, Endpoint[]>()
    const byNamespace = new Map<string, [ServiceFacts, Endpoint[]][]>()
    for (const [key, service] of graph.services) {
      const ready: Endpoint[] = []
      endpoints.set(key, ready)
      const others = byNamespace.get(service.namespace) ?? []
      byNamespace.set(service.namespace, [...others, [service, ready]])
    }
    for (const pod of pods.values()) {
      if (!pod.ready) continue
      const key = pod.owner === undefined ? '' : workloadKey({ ...pod.owner, namespace: pod.namespace })
      const behind = (byNamespace.get(pod.namespace) ?? []).filter(([{ selector }]) => selects(selector, pod.labels))
      const root = rootPods.get(key)
      if (root === undefined && behind.length === 0) continue
      const name = pod.owner?.name ?? behind[0]?.[0].name ?? pod.name
      const resource = resourceOf(pod, name)
      const idle = idleMs(hash(`${pod.namespace}/${name}`))
      const endpoint = { pod, resource, calls: planned.get(key) ?? [], idleMs: idle }
      root?.push(endpoint)
      for (const [, ready] of behind) ready.push(endpoint)
    }
    const cycles = cyclesOf(graph).map(way => `the calls go in a circle, which requests go round once: ${way}`)
    return {
      roots: [...rootPods.values()].filter(ready => ready.length > 0),
      endpoints,
      problems: [...graph.problems, ...cycles],
    }
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
