import { join } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { connect, type KubeClient } from '../kube/api-client.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { fields } from '../kube/json.ts'
import { countObjects, listAll } from '../kube/object-counts.ts'
import { simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { createNodes, deleteNodes, nodeName, waitUntilReady } from '../kwok/nodes.ts'
import { changesTo, deletePodCalls, type PodKey } from '../kwok/pods.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, projectDir, statusCommand } from '../lab/lab.ts'
import { type Manifest, mergedManifest, readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'

/** The label of everything that the chart creates, as a selector. */
export const PART_OF = 'app.kubernetes.io/part-of=kube-otel-lab'

/** The running pods of the lab's Deployments. */
const RUNNING = { labelSelector: `app.kubernetes.io/name=load,${PART_OF}`, fieldSelector: 'status.phase=Running' }

/** The template of simulated nodes, named for their prefix. */
export function nodeTemplate(prefix: string): Manifest {
  const template = readManifest(join(projectDir, 'k3d-config', 'simulated-node.yaml'), 'Node')
  return mergedManifest(template, { metadata: { name: prefix } })
}

/** Throws a UsageError for more pods than NODE_COUNT nodes have room for. */
export function requireRoom({ settings: { nodeCount, nodePrefix } }: Lab, pods: number): void {
  const { status } = fields(nodeTemplate(nodePrefix))
  const each = Number(fields(fields(status)['allocatable'])['pods'])
  if (pods <= each * nodeCount) return
  throw new UsageError(`${pods} pods do not fit on NODE_COUNT=${nodeCount}`, {
    why: `a simulated node has room for ${each} pods`,
    next: `set NODE_COUNT to at least ${Math.ceil(pods / each)}, or POD_COUNT to at most ${each * nodeCount}`,
  })
}

/**
 * Creates or deletes simulated nodes so that NODE_COUNT exist, and waits until all are Ready; gives the numbers of created and deleted ones.
 *
 * Throws a UsageError when the pods do not fit on them.
 */
export async function scaleSimulatedNodes(lab: Lab, onDone?: (done: number) => void) {
  const template = nodeTemplate(lab.settings.nodePrefix)
  const existing = await simulatedNodes(lab)
  const { create, remove } = changesTo(lab.settings.nodeCount, index => nodeName(template, index), existing)
  using client = await connect({ context: lab.context })
  requireRoom(lab, await wantedPods(client))
  const manifests = create.map(index => mergedManifest(template, { metadata: { name: nodeName(template, index) } }))
  await createNodes(client, manifests, onDone)
  await deleteNodes(client, remove, onDone)
  await waitUntilReady(client, { next: statusCommand(lab) })
  return { created: create.length, deleted: remove.length }
}

/**
 * Waits until the chart's pods run.
 *
 * Throws a LabError after ten minutes.
 */
export async function waitForSimulatedPods(lab: Lab): Promise<void> {
  // One: an exec plugin of the user's kubeconfig would run for each.
  using client = await connect({ context: lab.context })
  await waitUntil<void>({
    what: 'simulated pods',
    timeoutMs: 600_000,
    everyMs: 1_000,
    check: async () => {
      const wanted = await wantedPods(client)
      // The newest version: pods that were just deleted must not count.
      const running = await countObjects(client, '/api/v1/pods', { ...RUNNING, resourceVersion: '' })
      return running >= wanted ? { done: undefined } : { pending: `${running} of ${wanted} run` }
    },
  })
}

/**
 * Deletes pods of simulated nodes that have a quarter more than the average, for the scheduler to place them again; gives their number. Of pods
 * that wait, the first nodes that are Ready have got as many as they have room for.
 */
export async function spreadPods(lab: Lab, onDone?: (done: number) => void): Promise<number> {
  using client = await connect({ context: lab.context })
  const nodes = await podsByNode(client)
  const average = Math.ceil(nodes.flatMap(([, pods]) => pods).length / lab.settings.nodeCount)
  const most = average + Math.max(2, average / 4)
  const surplus = nodes.flatMap(([, pods]) => (pods.length > most ? pods.slice(average) : []))
  await callAll(client, deletePodCalls(surplus), { onDone })
  return surplus.length
}

/** The running pods of the lab's Deployments by their nodes. */
async function podsByNode(client: Pick<KubeClient, 'request'>): Promise<[node: string, pods: PodKey[]][]> {
  const pods = (await listAll(client, `/api/v1/pods?${new URLSearchParams(RUNNING)}`)).map(fields)
  const byNode = new Map<string, PodKey[]>()
  for (const { metadata, spec } of pods) {
    const { namespace, name } = fields(metadata)
    const node = String(fields(spec)['nodeName'])
    byNode.set(node, [...(byNode.get(node) ?? []), `${namespace}/${name}`])
  }
  return [...byNode]
}

/** How many simulated pods the cluster is to have, by the Deployments of the lab. */
export async function wantedPods(client: Pick<KubeClient, 'request'>): Promise<number> {
  const path = `/apis/apps/v1/deployments?labelSelector=${encodeURIComponent(PART_OF)}`
  const loads = (await listAll(client, path)).map(fields).filter(({ metadata }) => fields(metadata)['name'] === 'load')
  return loads.reduce((total, { spec }) => total + Number(fields(spec)['replicas'] ?? 0), 0)
}

/** The names of all simulated nodes. */
export async function simulatedNodes(lab: Lab): Promise<string[]> {
  const nodes = await getCollection(lab, `/api/v1/nodes?labelSelector=${encodeURIComponent(`${simulatedLabel}=true`)}`)
  return nodes.map(node => String(fields(node['metadata'])['name']))
}
