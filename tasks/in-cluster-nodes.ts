/**
 * Ends scenarios, scales the simulated nodes inside a cluster to NODE_COUNT, spreads the pods over new nodes, and waits until they run and
 * Prometheus has fresh metrics of every node and every running pod, each under its own node. With OTLP_ENDPOINT it does not wait for metrics.
 *
 *   tsx tasks/in-cluster-nodes.ts --kube-context my-cluster --node-count 300
 */
import { withProgress } from '../lib/cli/progress.ts'
import { scaleSimulatedNodes, spreadPods, waitForSimulatedPods } from '../lib/in-cluster/simulated-nodes.ts'
import { requireInCluster } from '../lib/k3d/agreement.ts'
import { reachPrometheus } from '../lib/k3d/port-forward.ts'
import { waitUntilMeasured } from '../lib/kwok/lab-ready.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { healScenarios } from '../lib/scenarios/heal-scenarios.ts'

const about =
  'Ends scenarios, scales the simulated nodes inside a cluster, and waits until each node and pod has metrics.'
const settings = ['kubeContext', 'nodeCount', 'nodePrefix', 'collectionInterval', 'otlpEndpoint', 'metrics'] as const

await runTask({ about, settings, on: 'context', changesLab: true }, async ({ lab }) => {
  await requireInCluster(lab)
  await healScenarios(lab, () => true, say)
  const { created, deleted } = await withProgress('Simulated nodes', onProgress =>
    scaleSimulatedNodes(lab, done => onProgress(String(done))),
  )
  rememberSetting(lab, 'nodeCount')
  await waitForSimulatedPods(lab)
  const moved = await withProgress('Moving pods', onDone => spreadPods(lab, done => onDone(String(done))))
  if (moved > 0) await waitForSimulatedPods(lab)
  const { otlpEndpoint } = lab.settings
  if (otlpEndpoint !== 'auto') {
    return print(`${created} simulated nodes are created, ${deleted} deleted; the metrics go to ${otlpEndpoint}`)
  }
  const reached = await reachPrometheus(lab)
  const truth = await waitUntilMeasured(reached.lab).finally(() => reached.close())
  print(`${truth.nodes.size} simulated nodes and ${truth.runningPods.size} running pods are measured, each under its own node: ${created} nodes created, ${deleted} deleted

  make verify KUBE_CONTEXT=${lab.context}
  make k3d-status KUBE_CONTEXT=${lab.context}
  make in-cluster-down KUBE_CONTEXT=${lab.context}`)
})
