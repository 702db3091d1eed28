import type { KubeClient } from '../../kube/api-client.ts'
import { fields, items, text } from '../../kube/json.ts'
import { listAll } from '../../kube/object-counts.ts'
import { parseQuantity } from '../../kube/quantity.ts'
import { readTraced, type Traced } from './trace-truth.ts'

/** Resources of a container, a node or a quota: cores and bytes. */
export interface Resources {
  cpuRequests?: number
  cpuLimits?: number
  memoryRequests?: number
  memoryLimits?: number
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
  /** `restarts` is missing without a container status. */
  containers: readonly (Resources & { name: string; restarts?: number })[]
  raw: unknown
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
 * now. Throws as `listAll`.
 */
export async function readCluster(
  client: Pick<KubeClient, 'request'>,
  clusterName: string,
  revision?: string,
): Promise<ClusterSnapshot> {
  const list = async (path: string) => await listAll(client, path, revision)
  const kwok = '/apis/kwok.x-k8s.io/v1alpha1'
  const [traced, nodes, pods, namespaces, quotas, replicaSets, autoscalers, own, wide] = await Promise.all([
    readTraced(client),
    list('/api/v1/nodes'),
    list('/api/v1/pods'),
    list('/api/v1/namespaces'),
    list('/api/v1/resourcequotas'),
    list('/apis/apps/v1/replicasets'),
    list('/apis/autoscaling/v2/horizontalpodautoscalers'),
    list(`${kwok}/resourceusages`),
    list(`${kwok}/clusterresourceusages`),
  ])
  const deploymentOf = new Map<string, string>()
  for (const raw of replicaSets) {
    const { uid } = fields(fields(raw).metadata)
    const owner = controllerOf(raw)
    if (owner?.kind === 'Deployment') deploymentOf.set(text(uid) ?? '', owner.name)
  }
  return {
    clusterName,
    nodes: nodes.map(clusterNode),
    pods: pods.map(raw => clusterPod(raw, deploymentOf)),
    namespaces: namespaces.map(raw => text(fields(fields(raw).metadata).name) ?? ''),
    quotas: smallestQuotas(quotas.map(clusterQuota)),
    autoscalers: autoscalers.map(clusterAutoscaler),
    traced: traced(pods),
    usageObjects: [
      ...own.map(raw => ({ kind: 'ResourceUsage', raw }) as const),
      ...wide.map(raw => ({ kind: 'ClusterResourceUsage', raw }) as const),
    ],
  }
}

function clusterNode(raw: unknown): ClusterNode {
  const { metadata, status } = fields(raw)
  const { name, uid, annotations } = fields(metadata)
  const allocatable = fields(fields(status).allocatable)
  const conditions = items(fields(status).conditions).map(fields)
  return {
    name: text(name) ?? '',
    uid: text(uid) ?? '',
    isSimulated: fields(annotations)['kwok.x-k8s.io/node'] === 'fake',
    cpuAllocatable: amount(allocatable.cpu) ?? 0,
    memoryAllocatable: amount(allocatable.memory) ?? 0,
    podsAllocatable: amount(allocatable.pods) ?? 0,
    memoryCapacity: amount(fields(fields(status).capacity).memory) ?? 0,
    conditions: new Map(conditions.map(({ type, status: state }) => [text(type) ?? '', text(state) ?? ''])),
    raw,
  }
}

/** The kinds of controllers that the collector adds to series (kwok-config/kwok-otel-collector.yaml). */
const ATTRIBUTED_KINDS: ReadonlySet<string> = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job'])

function clusterPod(raw: unknown, deploymentOf: ReadonlyMap<string, string>): ClusterPod {
  const { metadata, spec, status } = fields(raw)
  const { uid, name, namespace } = fields(metadata)
  const controller = controllerOf(raw)
  const owner = controller !== undefined && ATTRIBUTED_KINDS.has(controller.kind) ? controller : undefined
  const deployment = owner?.kind === 'ReplicaSet' ? deploymentOf.get(owner.uid) : undefined
  const podName = text(name) ?? ''
  const statuses = items(fields(status).containerStatuses).map(fields)
  const restarts = new Map(statuses.map(each => [text(each.name), Number(each.restartCount ?? 0)]))
  return {
    uid: text(uid) ?? '',
    name: podName,
    namespace: text(namespace) ?? '',
    node: text(fields(spec).nodeName) ?? '',
    phase: text(fields(status).phase) ?? '',
    workload: deployment ?? owner?.name ?? podName,
    workloadType: deployment === undefined ? (owner?.kind.toLowerCase() ?? 'barepod') : 'deployment',
    hostNetwork: fields(spec).hostNetwork === true,
    containers: items(fields(spec).containers).map(each => {
      const { name: container, resources } = fields(each)
      const requests = fields(fields(resources).requests)
      const limits = fields(fields(resources).limits)
      const restarted = restarts.get(text(container))
      return {
        name: text(container) ?? '',
        ...(restarted === undefined ? {} : { restarts: restarted }),
        ...resourcesOf(requests.cpu, limits.cpu, requests.memory, limits.memory),
      }
    }),
    raw,
  }
}

function clusterQuota(raw: unknown): Resources & { namespace: string } {
  const { metadata, status } = fields(raw)
  const hard = fields(fields(status).hard)
  const either = (long: string, short: string) => hard[long] ?? hard[short]
  return {
    namespace: text(fields(metadata).namespace) ?? '',
    ...resourcesOf(
      either('requests.cpu', 'cpu'),
      hard['limits.cpu'],
      either('requests.memory', 'memory'),
      hard['limits.memory'],
    ),
  }
}

function clusterAutoscaler(raw: unknown): ClusterSnapshot['autoscalers'][number] {
  const { metadata, spec, status } = fields(raw)
  const { currentReplicas, desiredReplicas } = fields(status)
  return {
    ...{ namespace: text(fields(metadata).namespace) ?? '', name: text(fields(metadata).name) ?? '' },
    ...{ current: Number(currentReplicas ?? 0), desired: Number(desiredReplicas ?? 0) },
    max: Number(fields(spec).maxReplicas ?? 0),
  }
}

function smallestQuotas(quotas: (Resources & { namespace: string })[]): (Resources & { namespace: string })[] {
  const byNamespace = new Map<string, Resources & { namespace: string }>()
  for (const quota of quotas) {
    const known = byNamespace.get(quota.namespace) ?? { namespace: quota.namespace }
    for (const key of ['cpuRequests', 'cpuLimits', 'memoryRequests', 'memoryLimits'] as const) {
      const least = Math.min(known[key] ?? Number.POSITIVE_INFINITY, quota[key] ?? Number.POSITIVE_INFINITY)
      if (least !== Number.POSITIVE_INFINITY) known[key] = least
    }
    byNamespace.set(quota.namespace, known)
  }
  return [...byNamespace.values()]
}

function controllerOf(raw: unknown): { kind: string; name: string; uid: string } | undefined {
  const owners = items(fields(fields(raw).metadata).ownerReferences).map(fields)
  const owner = owners.find(({ controller }) => controller === true)
  if (owner === undefined) return undefined
  return { kind: text(owner.kind) ?? '', name: text(owner.name) ?? '', uid: text(owner.uid) ?? '' }
}

function resourcesOf(
  cpuRequests: unknown,
  cpuLimits: unknown,
  memoryRequests: unknown,
  memoryLimits: unknown,
): Resources {
  const given = { cpuRequests, cpuLimits, memoryRequests, memoryLimits }
  const known = Object.entries(given).flatMap(([name, value]) => {
    const parsed = amount(value)
    return parsed === undefined ? [] : [[name, parsed] as const]
  })
  return Object.fromEntries(known)
}

function amount(value: unknown): number | undefined {
  return value === undefined ? undefined : parseQuantity(String(value))
}
