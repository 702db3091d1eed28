import { join } from 'node:path'
import { LabError, UsageError } from '../cli/errors.ts'
import { formatElapsed } from '../cli/progress.ts'
import type { KubeClient } from '../kube/api-client.ts'
import { type BulkCall, callAll } from '../kube/bulk-requests.ts'
import { watchCollection } from '../kube/collection.ts'
import { fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { type Manifest, managedBy, readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'

export const podTemplateFile = join(projectDir, 'kwok-config', 'kwok-pod-template.yaml')

/** The namespaces that the lab's pods are spread over, by turns. */
export const podNamespaces = ['team-a', 'team-b', 'team-c', 'team-d'] as const

/** The field selector of pods that have to run, and don't. */
const NOT_YET_RUNNING = 'status.phase!=Running,status.phase!=Succeeded'

/** A pod's namespace and name as one word, `<namespace>/<name>`. */
export type PodKey = string

/** The key of the pod with this number. */
export function podKey(template: Manifest, index: number): PodKey {
  const namespace = podNamespaces[index % podNamespaces.length]
  return `${namespace}/${template.metadata.name}-${String(index).padStart(5, '0')}`
}

/** The manifest of one pod; with `nodeName` it is bound there and the scheduler has no part in it. */
export function podManifest(template: Manifest, index: number, nodeName?: string): Manifest {
  const [namespace = '', name = ''] = podKey(template, index).split('/')
  const [managedByKey = '', managedByValue = ''] = managedBy.split('=')
  const labels = { ...template.metadata.labels, [managedByKey]: managedByValue }
  return {
    ...template,
    metadata: { ...template.metadata, name, namespace, labels },
    spec: { ...fields(template['spec']), ...(nodeName === undefined ? {} : { nodeName }) },
  }
}

/** What pods ask of the nodes: as Kubernetes counts, the sum of their containers' requests, and their number. */
export interface Demand {
  cpu: number
  memoryBytes: number
  pods: number
}

/** What one pod of this spec asks for. */
export function podDemand(podSpec: unknown): Demand {
  const requests = items(fields(podSpec)['containers']).map(container =>
    fields(fields(fields(container)['resources'])['requests']),
  )
  const sum = (resource: string) => requests.reduce((total, request) => total + quantity(request[resource]), 0)
  return { cpu: sum('cpu'), memoryBytes: sum('memory'), pods: 1 }
}

/**
 * How many pods of the template the nodes can hold beside the workloads: those that are on every node, and those that are
 * somewhere. A tenth is kept free, since pods do not fill nodes without a gap.
 */
export function roomFor(
  podTemplate: Manifest,
  node: Manifest,
  nodeCount: number,
  workloads: { perNode: Demand; anywhere: Demand },
): number {
  const allocatable = fields(fields(node['status'])['allocatable'])
  const each = podDemand(podTemplate['spec'])
  const room = (ofNode: number, perNode: number, anywhere: number, wanted: number) => {
    const perNodeLeft = Math.floor((0.9 * (ofNode - perNode)) / Math.max(wanted, Number.EPSILON))
    return Math.max(0, perNodeLeft * nodeCount - Math.ceil(anywhere / Math.max(wanted, Number.EPSILON)))
  }
  const { perNode, anywhere } = workloads
  return Math.min(
    each.cpu === 0 ? Number.POSITIVE_INFINITY : room(quantity(allocatable['cpu']), perNode.cpu, anywhere.cpu, each.cpu),
    each.memoryBytes === 0
      ? Number.POSITIVE_INFINITY
      : room(quantity(allocatable['memory']), perNode.memoryBytes, anywhere.memoryBytes, each.memoryBytes),
    room(quantity(allocatable['pods']), perNode.pods, anywhere.pods, 1),
  )
}

/** Refuses more pods than the nodes can hold. Throws a UsageError that says what would fit. */
export function requireRoom(podCount: number, nodeCount: number, room: number): void {
  if (podCount <= room) return
  throw new UsageError(`POD_COUNT=${podCount} is more than ${nodeCount} nodes can hold`, {
    why: `there is room for ${room} pods of the template beside the workloads`,
    next: 'set POD_COUNT to that or less, or NODE_COUNT or NODE_CPU to more',
  })
}

export function readPodTemplate(): Manifest {
  const template = readManifest(podTemplateFile, 'Pod')
  if (items(fields(template['spec'])['containers']).length > 0) return template
  throw new UsageError('kwok-config/kwok-pod-template.yaml has no containers', {
    next: 'give its spec one container or more',
  })
}

/** The pods that the lab made: each with whether it is ready, or has succeeded. */
export async function labPods(lab: Lab): Promise<Map<PodKey, boolean>> {
  const ready = '{.status.conditions[?(@.type=="Ready")].status}'
  const path = `{range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase} ${ready}{"\\n"}{end}`
  const { stdout } = await kubectl(lab, ['get', 'pods', '-A', '-l', managedBy, '-o', `jsonpath=${path}`])
  const rows = stdout.split('\n').filter(line => line !== '')
  return new Map(
    rows.map(row => {
      const [key = '', phase, ready] = row.split(' ')
      return [key, (phase === 'Running' && ready === 'True') || phase === 'Succeeded']
    }),
  )
}

/** What is to be made and what removed, so that the lab has exactly this many pods. */
export function podChanges(
  template: Manifest,
  count: number,
  existing: readonly PodKey[],
): { create: number[]; remove: PodKey[] } {
  const there = new Set(existing)
  const indexes = Array.from({ length: count }, (_, index) => index)
  const wanted = new Set(indexes.map(index => podKey(template, index)))
  return {
    create: indexes.filter(index => !there.has(podKey(template, index))),
    remove: existing.filter(key => !wanted.has(key)),
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

/** The calls that delete pods at once, without the grace a real container would need. */
export function deletePodCalls(keys: readonly PodKey[]): BulkCall[] {
  return keys.map(key => {
    const [namespace, name] = key.split('/')
    return { method: 'DELETE', path: `/api/v1/namespaces/${namespace}/pods/${name}`, body: { gracePeriodSeconds: 0 } }
  })
}

/** Makes the namespaces of the pods, and waits for the service account that every pod in them needs. */
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
 * Waits until every pod of the selector runs or has succeeded. The time it may take grows with how many there are. It lists those that
 * do not, and then watches them: a pod that runs leaves the field selector, which a watch reports as its deletion.
 *
 * Throws a LabError with what the scheduler says of the first that does not.
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
          next: 'make kwok-status, or ask for fewer pods or more nodes',
        })
      },
    })
  } finally {
    await pods.close()
  }
}

/** Why a pod does not run, as its conditions have it: for one without a node, the scheduler's message. */
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

function quantity(value: unknown): number {
  return parseQuantity(String(value ?? '0')) ?? 0
}
