/**
 * Makes the cluster have exactly NODE_COUNT simulated nodes of kwok-config/kwok-node-template.yaml, all Ready. Nodes that
 * others made are left alone.
 *
 *   tsx tasks/kwok-nodes.ts --node-count 100
 *   kubectl --context kwok-queries-testing get nodes -L topology.kubernetes.io/zone
 */
import { connect } from '../lib/kube/client.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { rememberSetting } from '../lib/lab.ts'
import {
  createNodes,
  deleteNodes,
  nodeChanges,
  nodeManifest,
  nodeReadiness,
  readNodeTemplate,
  waitUntilReady,
} from '../lib/nodes.ts'
import { startProgress } from '../lib/progress.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Makes the cluster have exactly so many simulated nodes, all Ready.'

await runTask({ about, settings: ['nodeCount'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  const { nodeCount, nodeCpu } = lab.settings
  const template = readNodeTemplate()
  const there = await nodeReadiness(lab)
  const { create, remove } = nodeChanges(template, nodeCount, [...there.keys()])
  const isChanged = create.length + remove.length > 0
  if (isChanged) {
    const client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
    say(`Creating ${create.length} nodes, deleting ${remove.length}`)
    const progress = startProgress('Nodes')
    const onDone = (done: number) => progress.detail(`${done} of ${create.length || remove.length}`)
    await createNodes(
      client,
      create.map(index => nodeManifest(template, index, nodeCpu)),
      onDone,
    )
    await deleteNodes(client, remove, onDone)
    progress.end()
    client.close()
  }
  const areReady = !isChanged && [...there.values()].every(ready => ready)
  const ready = areReady ? there.size : await waitUntilReady(lab)
  rememberSetting(lab, 'nodeCount')
  print(`${ready} nodes are Ready`)
})
