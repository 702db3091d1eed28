import { join } from 'node:path'
import { LabError, UsageError } from '../cli/errors.ts'
import { formatElapsed } from '../cli/progress.ts'
import type { KubeClient } from '../kube/api-client.ts'
import { type BulkCall, callAll } from '../kube/bulk-requests.ts'
import { watchCollection } from '../kube/collection.ts'
import { conditionStatus, fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { type Manifest, managedBy, managedLabel, mergedManifest, readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'

const podTemplateFile = join(projectDir, 'kwok-config', 'kwok-pod-template.yaml')

/** The namespaces of the lab's pods, used in turn. */
export const podNamespaces = ['team-a', 'team-b', 'team-c', 'team-d'] as const

/** The field selector of pods that neither run nor have succeeded. */
const NOT_YET_RUNNING = 'status.phase!=Running,status.phase!=Succeeded'

/** `<namespace>/<name>` of a pod. */
export type PodKey = string

/** The key of a pod by its number. */
export function podKey(template: Manifest, index: number): PodKey {
  const namespace = podNamespaces[index % podNamespaces.length]
  return `${namespace}/${template.metadata.name}-${String(index).padStart(5, '0')}`
}

/** The manifest of one pod. With `nodeName` the pod is bound to that node without the scheduler. */
export function podManifest(template: Manifest, index: number, nodeName?: string): Manifest {
  const [namespace = '', name = ''] = podKey(template, index).split('/')
  const metadata = { name, namespace, labels: managedLabel }
  return mergedManifest(template, { metadata, ...(nodeName !== undefined && { spec: { nodeName } }) })
}

/** The resource requests of pods: the sum of their containers' requests, and the number of pods. */
export interface ResourceRequests {
  /** Cores. */
  cpu: number
  memoryBytes: number
  pods: number
}

export const resources = ['cpu', 'memoryBytes', 'pods'] as const satisfies (keyof ResourceRequests)[]

/** The requests of the workloads: of DaemonSets on each node, and of all others together. */
export interface WorkloadRequests {
  perNode: ResourceRequests
  anywhere: ResourceRequests
}

/** The resource requests of one pod. */
export function podRequests(podSpec: unknown): ResourceRequests {
  const requests = items(fields(podSpec)['containers']).map(container =>
    fields(fields(fields(container)['resources'])['requests']),
  )
  const sum = (resource: string) => requests.reduce((total, request) => total + quantity(request[resource]), 0)
  return { cpu: sum('cpu'), memoryBytes: sum('memory'), pods: 1 }
}

/**
 * The number of pods of the template that fit on the nodes beside the workloads (requests of DaemonSets on every node, and of all other
 * workloads). It leaves a tenth free, because pods do not fill nodes completely.
 */
export function podCapacity(
  podTemplate: Manifest,
  node: Manifest,
  nodeCount: number,
  { perNode, anywhere }: WorkloadRequests,
): number {
  const each = podRequests(podTemplate['spec'])
  const allocatable = resourcesOf(fields(node['status'])['allocatable'])
  const capacities = resources.map(name => {
    if (each[name] === 0) return Number.POSITIVE_INFINITY
    const podsPerNode = Math.floor((0.9 * (allocatable[name] - perNode[name])) / each[name])
    return Math.max(0, podsPerNode * nodeCount - Math.ceil(anywhere[name] / each[name]))
  })
  return Math.min(...capacities)
}

/** Throws a UsageError when the pods are more than the nodes' capacity. */
export function requireCapacity(podCount: number, nodeCount: number, capacity: number): void {
  if (podCount <= capacity) return
  throw new UsageError(`POD_COUNT=${podCount} is more than ${nodeCount} nodes can hold`, {
    why: `there is room for ${capacity} pods of the template beside the workloads`,
    next: `set POD_COUNT to ${capacity} or less, or increase NODE_COUNT or NODE_CPU`,
  })
}

export function readPodTemplate(): Manifest {
  const template = readManifest(podTemplateFile, 'Pod')
  if (items(fields(template['spec'])['containers']).length > 0) return template
  throw new UsageError('kwok-config/kwok-pod-template.yaml has no containers', {
    next: 'add a container to its spec',
  })
}

/** Whether each pod of the lab is ready or has succeeded. */
export async function labPods(lab: Lab): Promise<Map<PodKey, boolean>> {
  const pods = await getCollection(lab, `/api/v1/pods?labelSelector=${encodeURIComponent(managedBy)}`)
  return new Map(
    pods.map(pod => {
      const { namespace, name } = fields(pod['metadata'])
      const { phase } = fields(pod['status'])
      const isReady = conditionStatus(pod, 'Ready') === 'True'
      return [`${namespace}/${name}`, (phase === 'Running' && isReady) || phase === 'Succeeded']
    }),
  )
}

/** What to create, by number, and what to delete, by name, so that exactly `count` objects of a template exist. */
export function changesTo(
  count: number,
  nameOf: (index: number) => string,
  existing: readonly string[],
): { create: number[]; remove: string[] } {
  const names = Array.from({ length: count }, (_, index) => nameOf(index))
  const wanted = new Set(names)
  const present = new Set(existing)
  return {
    create: [...names.keys()].filter(index => !present.has(names[index] ?? '')),
    remove: existing.filter(name => !wanted.has(name)),
  }
}

/** The calls that create pods, in the order of their manifests. */
export function createPodCalls(manifests: readonly Manifest[]): BulkCall[] {
  return manifests.map(body => ({
    method: 'POST',
    path: `/api/v1/namespaces/${body.metadata.namespace}/pods`,
    body,
  }))
}

/** The calls that delete pods without a grace period. */
export function deletePodCalls(keys: readonly PodKey[]): BulkCall[] {
  return keys.map(key => {
    const [namespace, name] = key.split('/')
    return { method: 'DELETE', path: `/api/v1/namespaces/${namespace}/pods/${name}`, body: { gracePeriodSeconds: 0 } }
  })
}

/** Creates the namespaces of the pods, and waits for their default service accounts, which every pod needs. */
export async function ensureNamespaces(client: KubeClient, namespaces: readonly string[]): Promise<void> {
  await callAll(
    client,
    namespaces.map(name => ({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } })),
  )
  for (const name of namespaces) {
    await waitUntil<void>({
      what: `the default service account of namespace ${name}`,
      timeoutMs: 30_000,
      everyMs: 100,
      check: async () => {
        const { status } = await client.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)
        return status === 200 ? { done: undefined } : { pending: `the API server answers ${status}` }
      },
      next: 'make kwok-status, and read the log of kube-controller-manager',
    })
  }
}

/**
 * Waits until every pod of the selector runs or has succeeded. The time limit grows with `count`. It watches the pods that do not run: when
 * one runs, it leaves the field selector, which the watch reports as a deletion.
 *
 * Throws a LabError with the scheduler's message about the first pod.
 */
export async function waitUntilRunning(
  client: Pick<KubeClient, 'request' | 'stream'>,
  options: { labelSelector: string; count: number; timeoutMs?: number },
): Promise<void> {
  const { labelSelector, count, timeoutMs = 60_000 + count * 50 } = options
  const query = { labelSelector, fieldSelector: NOT_YET_RUNNING }
  const pods = watchCollection<PodKey>({ client, path: '/api/v1/pods', query, metadataOnly: true, reduce: keyOf })
  try {
    await waitUntil<void>({
      what: `${count} pods to run`,
      timeoutMs,
      everyMs: 100,
      check: async () => {
        const pending = pods.trouble ?? `${pods.objects.size} do not run yet`
        return pods.trouble === undefined && pods.objects.size === 0 ? { done: undefined } : { pending }
      },
      progress: 'Pods',
      onTimeout: async seen => {
        const [first] = pods.objects.values()
        throw new LabError(`Timed out after ${formatElapsed(timeoutMs)} waiting for ${count} pods to run`, {
          why: first === undefined ? seen : `${seen}; ${first}: ${await pendingReason(client, first)}`,
          next: 'make kwok-status, or set POD_COUNT to less or NODE_COUNT to more',
        })
      },
    })
  } finally {
    await pods.close()
  }
}

/** The message of a pod's conditions; without a node it is the scheduler's. */
async function pendingReason(client: Pick<KubeClient, 'request'>, key: PodKey): Promise<string> {
  const [namespace, name] = key.split('/')
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`
  const { body } = await client.request('GET', path).catch((): { body?: unknown } => ({}))
  const messages = items(fields(fields(body)['status'])['conditions']).map(each => text(fields(each)['message']))
  return messages.find(message => message !== undefined) ?? 'its conditions have no message'
}

function keyOf(pod: unknown): PodKey {
  const { namespace, name } = fields(fields(pod)['metadata'])
  return `${namespace}/${name}`
}

/** The allocatable resources of a node. */
export function resourcesOf(allocatable: unknown): ResourceRequests {
  const { cpu, memory, pods } = fields(allocatable)
  return { cpu: quantity(cpu), memoryBytes: quantity(memory), pods: quantity(pods) }
}

function quantity(value: unknown): number {
  return parseQuantity(String(value ?? '0')) ?? 0
}
