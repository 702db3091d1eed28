import { join } from 'node:path'
import { connect } from '../kube/api-client.ts'
import { fields } from '../kube/json.ts'
import { simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { createNodes, deleteNodes, nodeName } from '../kwok/nodes.ts'
import { changesTo } from '../kwok/pods.ts'
import { getCollection } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { type Manifest, mergedManifest, readManifest } from '../lab/manifest.ts'

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

/** The names of all simulated nodes. */
export async function simulatedNodes(lab: Lab): Promise<string[]> {
  const nodes = await getCollection(lab, `/api/v1/nodes?labelSelector=${encodeURIComponent(`${simulatedLabel}=true`)}`)
  return nodes.map(node => String(fields(node['metadata'])['name']))
}
