import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError, UsageError } from './errors.ts'
import { type BulkCall, callAll } from './kube/bulk.ts'
import type { KubeClient } from './kube/client.ts'
import { fields, items, text } from './kube/json.ts'
import { parseQuantity } from './kube/quantity.ts'
import { kubectl } from './kubectl.ts'
import { type Lab, projectDir } from './lab.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { managedBy } from './nodes.ts'

export const podTemplateFile = join(projectDir, 'kwok-config', 'kwok-pod-template.yaml')

/** The namespaces that the lab's pods are spread over, by turns. */
export const podNamespaces = ['team-a', 'team-b', 'team-c', 'team-d'] as const

/** Pods of a node that are not for `kwok-pods`: the DaemonSets' and a share of the other workloads'. */
const RESERVED_PER_NODE = 8

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

/**
 * How many pods of the template a node of the template can hold beside what is kept free for the workloads.
 *
 * Resources as Kubernetes counts them: the sum of the containers' requests against the node's allocatable.
 */
export function podsPerNode(podTemplate: Manifest, nodeManifest: Manifest): number {
  const allocatable = fields(fields(nodeManifest['status'])['allocatable'])
  const fits = ['cpu', 'memory'].map(resource => {
    const requests = items(fields(podTemplate['spec'])['containers']).map(container =>
      quantity(fields(fields(fields(container)['resources'])['requests'])[resource]),
    )
    const requested = requests.reduce((sum, value) => sum + value, 0)
    return requested === 0 ? Number.POSITIVE_INFINITY : Math.floor((quantity(allocatable[resource]) * 0.9) / requested)
  })
  return Math.max(0, Math.min(...fits, quantity(allocatable['pods']) - RESERVED_PER_NODE))
}

/** Refuses more pods than the nodes can hold. Throws a UsageError that says how many nodes it would take. */
export function requireRoom(podCount: number, nodeCount: number, perNode: number): void {
  if (podCount <= nodeCount * perNode) return
  throw new UsageError(`POD_COUNT=${podCount} is more than ${nodeCount} nodes can hold`, {
    why: `${perNode} pods of the template fit on a node beside the workloads`,
    next:
      perNode === 0
        ? 'make the requests of kwok-config/kwok-pod-template.yaml smaller, or NODE_CPU larger'
        : `set NODE_COUNT to ${Math.ceil(podCount / Math.max(1, perNode))} or more, or POD_COUNT to ${nodeCount * perNode} or less`,
  })
}

export function readPodTemplate(): Manifest {
  const template = readManifest(podTemplateFile, 'Pod')
  if (items(fields(template['spec'])['containers']).length > 0) return template
  throw new UsageError('kwok-config/kwok-pod-template.yaml has no containers', {
    next: 'give its spec one container or more',
  })
}

/** The keys of the pods that the lab made. */
export async function labPodKeys(lab: Lab): Promise<PodKey[]> {
  const path = '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
  const { stdout } = await kubectl(lab, ['get', 'pods', '-A', '-l', managedBy, '-o', `jsonpath=${path}`])
  return stdout.split('\n').filter(line => line !== '')
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
  const until = Date.now() + 30_000
  for (const name of namespaces) {
    while ((await client.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status !== 200) {
      if (Date.now() > until) {
        throw new LabError(`Namespace ${name} got no default service account within 30 s`, {
          next: 'make kwok-status, and read the log of kube-controller-manager',
        })
      }
      await sleep(100)
    }
  }
}

/**
 * Waits until every pod of the selector runs or has succeeded. The time it may take grows with how many there are.
 *
 * Throws a LabError with what the scheduler says of the first that does not.
 */
export async function waitUntilRunning(
  client: KubeClient,
  options: { labelSelector: string; count: number; onPending?: (pending: string) => void },
): Promise<void> {
  const query = new URLSearchParams({
    labelSelector: options.labelSelector,
    fieldSelector: 'status.phase!=Running,status.phase!=Succeeded',
    limit: '500',
  })
  const until = Date.now() + 60_000 + options.count * 50
  for (;;) {
    const { status, body } = await client.request('GET', `/api/v1/pods?${query}`)
    const pending = items(fields(body)['items'])
    if (status === 200 && pending.length === 0) return
    const more = fields(fields(body)['metadata'])['continue'] === undefined ? '' : '+'
    options.onPending?.(`${pending.length}${more}`)
    if (Date.now() > until) {
      const first = fields(pending[0])
      const { namespace, name } = fields(first['metadata'])
      const said = items(fields(first['status'])['conditions']).map(condition => text(fields(condition)['message']))
      throw new LabError(`${pending.length}${more} pods do not run`, {
        why: `${namespace}/${name}: ${said.find(message => message !== undefined) ?? 'nothing is said of it'}`,
        next: 'make kwok-status, or ask for fewer pods or more nodes',
      })
    }
    await sleep(500)
  }
}

function quantity(value: unknown): number {
  return parseQuantity(String(value ?? '0')) ?? 0
}
