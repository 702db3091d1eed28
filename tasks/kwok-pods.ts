/**
 * Scales the cluster to POD_COUNT pods of kwok-config/kwok-pod-template.yaml, spread over the namespaces team-a to team-d, all running. The
 * pods of the workloads are additional.
 *
 *   tsx tasks/kwok-pods.ts --pod-count 1000
 *   tsx tasks/kwok-pods.ts --bind      # bound to the nodes in turn, without the scheduler: faster
 */
import { withProgress } from '../lib/cli/progress.ts'
import { connect } from '../lib/kube/api-client.ts'
import { callAll } from '../lib/kube/bulk-requests.ts'
import { labNodeNames, nodeManifest, readNodeTemplate } from '../lib/kwok/nodes.ts'
import { restoreReadiness } from '../lib/kwok/pod-readiness.ts'
import {
  changesTo,
  createPodCalls,
  deletePodCalls,
  ensureNamespaces,
  labPods,
  podCapacity,
  podKey,
  podManifest,
  podNamespaces,
  readPodTemplate,
  requireCapacity,
  waitUntilRunning,
} from '../lib/kwok/pods.ts'
import { workloadRequests } from '../lib/kwok/workloads.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { managedBy } from '../lib/lab/manifest.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'

const about = 'Scales the cluster to POD_COUNT pods of the template, all running.'
const flags = { bind: 'bind the pods to the nodes in turn, without the scheduler' }

await runClusterTask({ about, settings: ['podCount'], flags, changesLab: true }, async ({ lab, flags: chosen }) => {
  const { podCount } = lab.settings
  const template = readPodTemplate()
  const nodes = await labNodeNames(lab)
  const node = nodeManifest(readNodeTemplate(), 0, lab.settings.nodeCpu)
  requireCapacity(podCount, nodes.length, podCapacity(template, node, nodes.length, workloadRequests(lab)))
  const existing = await labPods(lab)
  const { create, remove } = changesTo(podCount, index => podKey(template, index), [...existing.keys()])
  if (create.length + remove.length > 0 || [...existing.values()].includes(false)) {
    await restoreReadiness(lab)
    using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
    say(`Creating ${create.length} pods, deleting ${remove.length}`)
    await withProgress('Pods', async detail => {
      await ensureNamespaces(client, podNamespaces)
      const nodeOf = (index: number) => (chosen.has('bind') ? nodes[index % nodes.length] : undefined)
      const manifests = create.map(index => podManifest(template, index, nodeOf(index)))
      const calls = [...deletePodCalls(remove), ...createPodCalls(manifests)]
      await callAll(client, calls, { onDone: done => detail(`${done} of ${calls.length}`) })
    })
    await waitUntilRunning(client, { labelSelector: managedBy, count: podCount })
  }
  rememberSetting(lab, 'podCount')
  print(`${podCount} pods run in ${podNamespaces.join(', ')}`)
})
