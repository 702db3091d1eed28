import type { KubeClient } from '../../kube/api-client.ts'
import { listAll } from '../../kube/object-counts.ts'
import { callGraph, workloadKey } from '../../traces/call-graph.ts'
import {
  serviceFacts,
  tracedPod,
  type WorkloadKind,
  workloadFacts,
  workloadPaths,
} from '../../traces/traced-objects.ts'

/**
 * What the trace simulator derives from a cluster: the names of its load generators with a ready pod, and two counts.
 */
export interface Traced {
  generators: readonly string[]
  services: number
  problems: number
}

/** Reads the calls between workloads; the result takes the cluster's pods. Throws as `listAll`. */
export async function readTraced(client: Pick<KubeClient, 'request'>): Promise<(pods: readonly unknown[]) => Traced> {
  const kinds = Object.keys(workloadPaths) as WorkloadKind[]
  const [services, ...workloads] = await Promise.all([
    listAll(client, '/api/v1/services'),
    ...kinds.map(kind => listAll(client, workloadPaths[kind])),
  ])
  const facts = workloads.flatMap((all, index) =>
    all.flatMap(raw => workloadFacts(kinds[index] ?? 'Deployment', raw) ?? []),
  )
  const graph = callGraph(facts, services?.flatMap(raw => serviceFacts(raw) ?? []) ?? [])
  return pods => {
    const traced = graph.roots.length === 0 ? [] : pods.map(tracedPod)
    const ready = new Set(
      traced.flatMap(pod => (pod?.ready && pod.owner ? [workloadKey({ ...pod.owner, namespace: pod.namespace })] : [])),
    )
    const roots = graph.roots.map(({ workload }) => workload).filter(workload => ready.has(workloadKey(workload)))
    return {
      generators: roots.map(({ name }) => name),
      services: graph.services.size,
      problems: graph.problems.length,
    }
  }
}
