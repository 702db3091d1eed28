import type { KubeClient } from '../kube/api-client.ts'
import { type Reflector, type ReflectorEvent, startReflector } from '../kube/reflector.ts'
import { nodeFacts, podFacts } from '../kubelet/objects/object-facts.ts'
import { usageObject } from '../kubelet/usage/usage-objects.ts'
import type { PodLoads } from './pod-load.ts'
import type { TracedCluster } from './traced-cluster.ts'
import { serviceFacts, tracedPod, type WorkloadKind, workloadFacts, workloadPaths } from './traced-objects.ts'

export interface WatchOptions {
  client: KubeClient
  cluster: TracedCluster
  loads: PodLoads
  signal: AbortSignal
  log: (line: string) => void
}

/** Keeps cluster and loads equal to the API until the signal. Resolves when everything is listed. */
export async function watchCalls({ client, cluster, loads, signal, log }: WatchOptions): Promise<void> {
  const started: Reflector[] = []
  const watch = <T>(
    path: string,
    reduce: (raw: unknown) => T | undefined,
    [set, remove]: readonly [(object: T) => void, (uid: string) => void],
    options: { query?: Record<string, string>; optional?: boolean } = {},
  ) => {
    const apply = (event: ReflectorEvent<T>) => (event.type === 'set' ? set(event.object) : remove(event.key))
    started.push(startReflector({ client, path, reduce, apply, signal, log, ...options }))
  }
  for (const [kind, path] of Object.entries(workloadPaths) as [WorkloadKind, string][]) {
    watch(path, raw => workloadFacts(kind, raw), [cluster.setWorkload, cluster.deleteWorkload])
  }
  watch('/api/v1/services', serviceFacts, [cluster.setService, cluster.deleteService])
  watch('/api/v1/nodes', nodeFacts, [loads.setNode, loads.deleteNode])
  for (const kind of ['ResourceUsage', 'ClusterResourceUsage'] as const) {
    const reduce = (raw: unknown) => usageObject(kind, raw)
    const path = `/apis/kwok.x-k8s.io/v1alpha1/${kind.toLowerCase()}s`
    // Other clusters than the lab's may not have these kinds.
    watch(path, reduce, [loads.setUsageObject, loads.deleteUsageObject], { optional: true })
  }
  const podOf = (raw: unknown) => {
    const [pod, facts] = [tracedPod(raw), podFacts(raw)]
    return pod === undefined || facts === undefined ? undefined : { pod, facts }
  }
  const setPod = ({ pod, facts }: NonNullable<ReturnType<typeof podOf>>) => {
    cluster.setPod(pod)
    loads.setPod(facts)
  }
  const deletePod = (uid: string) => {
    cluster.deletePod(uid)
    loads.deletePod(uid)
  }
  watch('/api/v1/pods', podOf, [setPod, deletePod], { query: { fieldSelector: 'spec.nodeName!=' } })
  await Promise.all(started.map(each => each.firstSync))
}
