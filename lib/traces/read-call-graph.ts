import type { KubeClient } from '../kube/api-client.ts'
import { listAll } from '../kube/object-counts.ts'
import { type CallGraph, callGraph } from './call-graph.ts'
import { serviceFacts, type WorkloadKind, workloadFacts, workloadPaths } from './traced-objects.ts'

/** The calls between the workloads of a cluster, as the trace simulator derives them. Throws as `listAll`. */
export async function readCallGraph(client: Pick<KubeClient, 'request'>): Promise<CallGraph> {
  const kinds = Object.entries(workloadPaths) as [WorkloadKind, string][]
  const [services, ...workloads] = await Promise.all([
    listAll(client, '/api/v1/services'),
    ...kinds.map(async ([kind, path]) => (await listAll(client, path)).flatMap(raw => workloadFacts(kind, raw) ?? [])),
  ])
  return callGraph(
    workloads.flat(),
    services.flatMap(raw => serviceFacts(raw) ?? []),
  )
}
