import { join } from 'node:path'
import { connect } from '../kube/api-client.ts'
import { fields } from '../kube/json.ts'
import { simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { createNodes, deleteNodes, nodeName } from '../kwok/nodes.ts'
import { changesTo } from '../kwok/pods.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { type Manifest, mergedManifest, readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'

/** The label of everything that the chart creates, as a selector. */
export const PART_OF = 'app.kubernetes.io/part-of=kube-otel-lab'

/** The template of simulated nodes, named for their prefix. */
export function nodeTemplate(prefix: string): Manifest {
  const template = readManifest(join(projectDir, 'k3d-config', 'simulated-node.yaml'), 'Node')
  return mergedManifest(template, { metadata: { name: prefix } })
}

/** Creates or deletes simulated nodes so that NODE_COUNT exist; gives the numbers of created and deleted ones. */
export async function scaleSimulatedNodes(lab: Lab, onDone?: (done: number) => void) {
  const template = nodeTemplate(lab.settings.nodePrefix)
  const existing = await simulatedNodes(lab)
  const { create, remove } = changesTo(lab.settings.nodeCount, index => nodeName(template, index), existing)
  using client = await connect({ context: lab.context })
  const manifests = create.map(index => mergedManifest(template, { metadata: { name: nodeName(template, index) } }))
  await createNodes(client, manifests, onDone)
  await deleteNodes(client, remove, onDone)
  return { created: create.length, deleted: remove.length }
}

/**
 * Waits until the chart's pods run, or as many of them as the simulated nodes have room for.
 *
 * Throws a LabError after ten minutes.
 */
export async function waitForSimulatedPods(lab: Lab): Promise<void> {
  const { status } = fields(nodeTemplate(lab.settings.nodePrefix))
  const room = lab.settings.nodeCount * Number(fields(fields(status)['allocatable'])['pods'])
  await waitUntil<void>({
    what: 'simulated pods',
    timeoutMs: 600_000,
    everyMs: 1_000,
    check: async () => {
      const found = await simulatedPods(lab)
      const [wanted, ready] = [Math.min(room, found.wanted), found.ready]
      return ready >= wanted ? { done: undefined } : { pending: `${ready} of ${wanted} run` }
    },
  })
}

/** How many simulated pods the cluster is to have, and how many are ready, by the Deployments of the lab. */
export async function simulatedPods(lab: Lab): Promise<{ wanted: number; ready: number }> {
  const path = `/apis/apps/v1/deployments?labelSelector=${encodeURIComponent(PART_OF)}`
  const loads = (await getCollection(lab, path)).filter(({ metadata }) => fields(metadata)['name'] === 'load')
  const sum = (number: (load: Record<string, unknown>) => unknown) =>
    loads.reduce((total, load) => total + Number(number(load) ?? 0), 0)
  return {
    wanted: sum(({ spec }) => fields(spec)['replicas']),
    ready: sum(({ status }) => fields(status)['readyReplicas']),
  }
}

/** The names of all simulated nodes. */
export async function simulatedNodes(lab: Lab): Promise<string[]> {
  const nodes = await getCollection(lab, `/api/v1/nodes?labelSelector=${encodeURIComponent(`${simulatedLabel}=true`)}`)
  return nodes.map(node => String(fields(node['metadata'])['name']))
}
