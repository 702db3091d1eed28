/**
 * Scales the cluster to NODE_COUNT simulated nodes of kwok-config/kwok-node-template.yaml, all Ready. Does not touch nodes that the lab did
 * not create.
 *
 *   tsx tasks/kwok-nodes.ts --node-count 100
 *   kubectl --context kwok-queries-testing get nodes -L topology.kubernetes.io/zone
 */
import { withProgress } from '../lib/cli/progress.ts'
import { connect } from '../lib/kube/api-client.ts'
import {
  createNodes,
  deleteNodes,
  nodeManifest,
  nodeName,
  nodeReadiness,
  readNodeTemplate,
  waitUntilReady,
} from '../lib/kwok/nodes.ts'
import { changesTo } from '../lib/kwok/pods.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'

const about = 'Scales the cluster to NODE_COUNT simulated nodes, all Ready.'

await runClusterTask({ about, settings: ['nodeCount'], changesLab: true }, async ({ lab }) => {
  const { nodeCount, nodeCpu } = lab.settings
  const template = readNodeTemplate()
  const existing = await nodeReadiness(lab)
  const { create, remove } = changesTo(nodeCount, index => nodeName(template, index), [...existing.keys()])
  const changes = create.length + remove.length
  let ready = existing.size
  if (changes > 0 || [...existing.values()].includes(false)) {
    using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
    if (changes > 0) {
      say(`Creating ${create.length} nodes, deleting ${remove.length}`)
      await withProgress('Nodes', async detail => {
        const manifests = create.map(index => nodeManifest(template, index, nodeCpu))
        await createNodes(client, manifests, done => detail(`${done} of ${changes}`))
        await deleteNodes(client, remove, done => detail(`${create.length + done} of ${changes}`))
      })
    }
    ready = await waitUntilReady(client)
  }
  rememberSetting(lab, 'nodeCount')
  print(`${ready} nodes are Ready`)
})
