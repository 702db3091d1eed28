import type {
  V1ContainerStatus,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1ReplicaSet,
  V1ResourceQuota,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'
import type { KubeClient } from '../../kube/api-client.ts'
import { listAll } from '../../kube/object-counts.ts'
import { parseQuantity } from '../../kube/quantity.ts'
import { isSimulated } from '../../kubelet/shards/shard-owner.ts'
import { type CallGraph, workloadKey } from '../../traces/call-graph.ts'
import { readCallGraph } from '../../traces/read-call-graph.ts'
import { tracedPod } from '../../traces/traced-objects.ts'

/** Resources of a container, a node or a quota: cores and bytes. */
export interface Resources {
  cpuRequests: number | undefined
  cpuLimits: number | undefined
  memoryRequests: number | undefined
  memoryLimits: number | undefined
}

/** The conditions of nodes that dashboards show. */
export const CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'] as const

export interface ClusterNode {
  name: string
  uid: string
  isSimulated: boolean
  cpuAllocatable: number
  memoryAllocatable: number
  podsAllocatable: number
  memoryCapacity: number
  /** The status of its conditions by type: True, False or Unknown. */
  conditions: ReadonlyMap<string, string>
  raw: unknown
}

export interface ClusterPod {
  uid: string
  name: string
  namespace: string
  /** Empty for an unbound pod. */
  node: string
  phase: string
  /**
   * Its controller; for a ReplicaSet of a Deployment, the Deployment. The pod itself when it has no controller, or
   * one of a kind that the collector's k8s_attributes has no attribute for.
   */
  workload: string
  /** The kind of the workload in lower case; `barepod` for the pod itself. */
  workloadType: string
  hostNetwork: boolean
  /** `restarts` is undefined without a container status; `isSteady`: it runs, and was not restarted lately. */
  containers: readonly (Resources & { name: string; restarts: number | undefined; isSteady: boolean })[]
  raw: unknown
}

/** The names of the load generators with a ready pod, and two counts. */
interface Traced {
  generators: readonly string[]
  services: number
  problems: number
}

/** The objects of a cluster at one time. */
export interface ClusterSnapshot {
  clusterName: string
  nodes: readonly ClusterNode[]
  pods: readonly ClusterPod[]
  namespaces: readonly string[]
  /** The quotas of each namespace, by resource the smallest of several. */
  quotas: readonly (Resources & { namespace: string })[]
  /** HorizontalPodAutoscalers with their replicas. */
  autoscalers: readonly { namespace: string; name: string; current: number; desired: number; max: number }[]
  /** The calls between workloads as the trace simulator derives them from their environment variables. */
  traced: Traced
  /** ResourceUsage and ClusterResourceUsage objects. */
  usageObjects: readonly { kind: 'ResourceUsage' | 'ClusterResourceUsage'; raw: unknown }[]
}

/**
 * Reads the objects of a cluster, now or at a revision (`listAll`). The calls between workloads are always read as of
 * now. The API server validates objects, so their types are trusted. Throws as `listAll`.
 */
export async function readCluster(
  client: Pick<KubeClient, 'request'>,
  clusterName: string,
  revision?: string,
): Promise<ClusterSnapshot> {
  const list = async <T = unknown>(path: string) => (await listAll(client, path, revision)) as T[]
  const kwok = '/apis/kwok.x-k8s.io/v1alpha1'
  const [graph, allNodes, allPods, allNamespaces, allQuotas, replicaSets, allAutoscalers, own, wide] =
    await Promise.all([
      readCallGraph(client),
      list<V1Node>('/api/v1/nodes'),
      list<V1Pod>('/api/v1/pods'),
      list<{ metadata?: V1ObjectMeta }>('/api/v1/namespaces'),
      list<V1ResourceQuota>('/api/v1/resourcequotas'),
      list<V1ReplicaSet>('/apis/apps/v1/replicasets'),
      list<V2HorizontalPodAutoscaler>('/apis/autoscaling/v2/horizontalpodautoscalers'),
      list(`${kwok}/resourceusages`),
      list(`${kwok}/clusterresourceusages`),
    ])
  // Of a cluster with real and simulated nodes, the lab measures the simulated ones and the namespaces of their pods.
  const isMixed = allNodes.some(isSimulated)
  const measured = new Set(allNamespaces.filter(isSimulated).map(({ metadata }) => metadata?.name))
  const inLab = ({ metadata }: { metadata?: V1ObjectMeta }) => !isMixed || measured.has(metadata?.namespace)
  const [nodes, namespaces] = [allNodes, allNamespaces].map(each => (isMixed ? each.filter(isSimulated) : each)) as [
    V1Node[],
    typeof allNamespaces,
  ]
  const [pods, quotas, autoscalers] = [allPods.filter(inLab), allQuotas.filter(inLab), allAutoscalers.filter(inLab)]
  const deploymentOf = new Map<string, string>()
  for (const { metadata } of replicaSets) {
    const owner = controllerOf(metadata)
    if (owner?.kind === 'Deployment') deploymentOf.set(metadata?.uid ?? '', owner.name)
  }
  return {
    clusterName,
    nodes: nodes.map(clusterNode),
    pods: pods.map(pod => clusterPod(pod, deploymentOf)),
    namespaces: namespaces.map(({ metadata }) => metadata?.name ?? ''),
    quotas: smallestQuotas(quotas),
    autoscalers: autoscalers.map(({ metadata, spec, status }) => ({
      namespace: metadata?.namespace ?? '',
      name: metadata?.name ?? '',
      current: status?.currentReplicas ?? 0,
      desired: status?.desiredReplicas ?? 0,
      max: spec?.maxReplicas ?? 0,
    })),
    traced: tracedIn(graph, pods),
    usageObjects: [
      ...own.map(raw => ({ kind: 'ResourceUsage', raw }) as const),
      ...wide.map(raw => ({ kind: 'ClusterResourceUsage', raw }) as const),
    ],
  }
}

function clusterNode(raw: V1Node): ClusterNode {
  const { metadata, status } = raw
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    isSimulated: metadata?.annotations?.['kwok.x-k8s.io/node'] === 'fake',
    cpuAllocatable: amount(status?.allocatable?.['cpu']) ?? 0,
    memoryAllocatable: amount(status?.allocatable?.['memory']) ?? 0,
    podsAllocatable: amount(status?.allocatable?.['pods']) ?? 0,
    memoryCapacity: amount(status?.capacity?.['memory']) ?? 0,
    conditions: new Map(status?.conditions?.map(each => [each.type, each.status])),
    raw,
  }
}

/** The kinds of controllers that the collector adds to series (kwok-config/kwok-otel-collector.yaml). */
const ATTRIBUTED_KINDS: ReadonlySet<string> = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job'])

function clusterPod(raw: V1Pod, deploymentOf: ReadonlyMap<string, string>): ClusterPod {
  const { metadata, spec, status } = raw
  const controller = controllerOf(metadata)
  const owner = controller !== undefined && ATTRIBUTED_KINDS.has(controller.kind) ? controller : undefined
  const deployment = owner?.kind === 'ReplicaSet' ? deploymentOf.get(owner.uid) : undefined
  const podName = metadata?.name ?? ''
  const statuses = new Map(status?.containerStatuses?.map(each => [each.name, each]))
  return {
    uid: metadata?.uid ?? '',
    name: podName,
    namespace: metadata?.namespace ?? '',
    node: spec?.nodeName ?? '',
    phase: status?.phase ?? '',
    workload: deployment ?? owner?.name ?? podName,
    workloadType: deployment === undefined ? (owner?.kind.toLowerCase() ?? 'barepod') : 'deployment',
    hostNetwork: spec?.hostNetwork === true,
    containers: (spec?.containers ?? []).map(({ name, resources }) => ({
      name,
      restarts: statuses.get(name)?.restartCount,
      isSteady: isSteady(statuses.get(name)),
      cpuRequests: amount(resources?.requests?.['cpu']),
      cpuLimits: amount(resources?.limits?.['cpu']),
      memoryRequests: amount(resources?.requests?.['memory']),
      memoryLimits: amount(resources?.limits?.['memory']),
    })),
    raw,
  }
}

/** Longer than a rate window and the look-back after it. */
const LATELY_MS = 180_000

function isSteady(status: V1ContainerStatus | undefined): boolean {
  const { restartCount, state } = status ?? {}
  const startedAt = new Date(state?.running?.startedAt ?? Number.NaN)
  return restartCount === 0 ? state?.running !== undefined : Date.now() - startedAt.getTime() > LATELY_MS
}

function smallestQuotas(quotas: readonly V1ResourceQuota[]): ClusterSnapshot['quotas'] {
  const byNamespace = new Map<string, Resources>()
  for (const { metadata, status } of quotas) {
    const hard = status?.hard ?? {}
    const known = byNamespace.get(metadata?.namespace ?? '')
    const least = (now: string | undefined, before: number | undefined) => {
      const smallest = Math.min(amount(now) ?? Number.POSITIVE_INFINITY, before ?? Number.POSITIVE_INFINITY)
      return smallest === Number.POSITIVE_INFINITY ? undefined : smallest
    }
    byNamespace.set(metadata?.namespace ?? '', {
      cpuRequests: least(hard['requests.cpu'] ?? hard['cpu'], known?.cpuRequests),
      cpuLimits: least(hard['limits.cpu'], known?.cpuLimits),
      memoryRequests: least(hard['requests.memory'] ?? hard['memory'], known?.memoryRequests),
      memoryLimits: least(hard['limits.memory'], known?.memoryLimits),
    })
  }
  return [...byNamespace].map(([namespace, resources]) => ({ namespace, ...resources }))
}

function controllerOf(metadata: V1ObjectMeta | undefined) {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true)
}

function amount(quantity: string | number | undefined): number | undefined {
  return quantity === undefined ? undefined : parseQuantity(String(quantity))
}

/** What the trace simulator derives from the calls and the pods: the load generators with a ready pod, and two counts. */
function tracedIn(graph: CallGraph, pods: readonly unknown[]): Traced {
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
