import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import type { KubeClient } from '../kube/api-client.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { watchCollection } from '../kube/collection.ts'
import { conditionStatus, fields, items } from '../kube/json.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { type Manifest, managedBy, managedLabel, mergedManifest, readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'
import { deletePodCalls } from './pods.ts'

const ZONES = ['lab-zone-a', 'lab-zone-b', 'lab-zone-c']

const nodeTemplateFile = join(projectDir, 'kwok-config', 'kwok-node-template.yaml')

/** The name of a node: the template's, and its number. */
export function nodeName(template: Manifest, index: number): string {
  return `${template.metadata.name}-${String(index).padStart(4, '0')}`
}

/** The manifest of one node: name, hostname, one of three zones, and CPUs in capacity and allocatable. */
export function nodeManifest(template: Manifest, index: number, cpus: number): Manifest {
  const name = nodeName(template, index)
  const amounts = { cpu: String(cpus) }
  return mergedManifest(template, {
    metadata: {
      name,
      labels: {
        ...managedLabel,
        'kubernetes.io/hostname': name,
        'topology.kubernetes.io/zone': ZONES[index % ZONES.length],
      },
    },
    status: { allocatable: amounts, capacity: amounts },
  })
}

/** The names of the lab's nodes. */
export async function labNodeNames(lab: Lab): Promise<string[]> {
  return [...(await nodeReadiness(lab)).keys()]
}

/**
 * Waits until all nodes of the lab are Ready and returns their number.
 *
 * Throws a LabError with the first nodes that are not Ready, after a time that grows with the number of nodes.
 */
export async function waitUntilReady(
  client: Pick<KubeClient, 'request' | 'stream'>,
  {
    timeoutMs,
    next = 'make kwok-status, and read the log of kwok-controller',
  }: { timeoutMs?: number; next?: string } = {},
): Promise<number> {
  const query = { labelSelector: managedBy }
  const nodes = watchCollection({ client, path: '/api/v1/nodes', query, reduce: readinessOf })
  try {
    return await waitUntil({
      what: 'all nodes to be Ready',
      // 950 nodes beside a collector at its interval of 10 s need two minutes on two cores.
      timeoutMs: () => timeoutMs ?? 60_000 + nodes.objects.size * 200,
      everyMs: 100,
      check: async () => {
        const all = [...nodes.objects.values()]
        const waiting = all.filter(({ isReady }) => !isReady).map(({ name }) => name)
        if (nodes.trouble !== undefined) return { pending: nodes.trouble }
        if (waiting.length === 0) return { done: all.length }
        return {
          pending: `${waiting.length} of ${all.length} are not Ready, the first are ${waiting.slice(0, 3).join(', ')}`,
        }
      },
      progress: 'Nodes',
      next,
    })
  } finally {
    await nodes.close()
  }
}

function readinessOf(node: unknown): { name: string; isReady: boolean } {
  const object = fields(node)
  return { name: String(fields(object['metadata'])['name']), isReady: conditionStatus(object, 'Ready') === 'True' }
}

/** Whether each node of the lab is Ready, by name. */
export async function nodeReadiness(lab: Lab): Promise<Map<string, boolean>> {
  const nodes = await getCollection(lab, `/api/v1/nodes?labelSelector=${encodeURIComponent(managedBy)}`)
  return new Map(nodes.map(readinessOf).map(({ name, isReady }) => [name, isReady]))
}

/** Creates nodes. Throws a LabError when the API server refuses one. */
export async function createNodes(
  client: KubeClient,
  manifests: readonly Manifest[],
  onDone?: (done: number) => void,
): Promise<void> {
  const calls = manifests.map(body => ({ method: 'POST', path: '/api/v1/nodes', body }) as const)
  await callAll(client, calls, { onDone })
}

/** Deletes nodes and the pods on them: without a kubelet, a pod on a deleted node never ends. */
export async function deleteNodes(
  client: KubeClient,
  nodes: readonly string[],
  onDone?: (done: number) => void,
): Promise<void> {
  const nodeCalls = nodes.map(name => ({ method: 'DELETE', path: `/api/v1/nodes/${name}` }) as const)
  await callAll(client, nodeCalls, { onDone })
  for (const name of nodes) {
    const { status, body } = await client.request('GET', `/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`)
    if (status !== 200) {
      throw new LabError(`Cannot list the pods of node ${name}`, {
        why: `the API server answered ${status}`,
        next: 'run this again',
      })
    }
    const pods = items(fields(body)['items']).map(item => fields(fields(item)['metadata']))
    await callAll(client, deletePodCalls(pods.map(({ namespace, name: pod }) => `${namespace}/${pod}`)))
  }
}

export function readNodeTemplate(): Manifest {
  return readManifest(nodeTemplateFile, 'Node')
}
