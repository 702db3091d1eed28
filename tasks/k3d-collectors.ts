/**
 * Installs two OpenTelemetry Collectors with Helm: a Deployment for the metrics and events of the Kubernetes API, and a DaemonSet for each
 * node and its kubelet. Ends when node, pod and container series of every node are in Prometheus.
 *
 *   tsx tasks/k3d-collectors.ts
 *   tsx tasks/k3d-collectors.ts --kube-context my-cluster --otel-chart ./opentelemetry-collector-0.170.0.tgz
 */
import { LabError } from '../lib/cli/errors.ts'
import { hasOwnNamespace, labNamespace, requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { requireChart } from '../lib/k3d/helm.ts'
import { applyCollectors, releases } from '../lib/k3d/helm-collectors.ts'
import { waitUntilCollected } from '../lib/k3d/k3d-ready.ts'
import { reachPrometheus } from '../lib/k3d/port-forward.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Installs the two collectors, and waits until the metrics of every node are in Prometheus.'
const settings = ['kubeContext', 'otelChart', 'collectionInterval', 'kubeletInsecureTls'] as const
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings, flags, on: 'context', changesLab: true }, async ({ lab, flags: chosen }) => {
  requireChart(lab.settings.otelChart)
  await requireContext(lab)
  const what = `this installs collectors in namespace ${labNamespace}, with ClusterRoles that read objects and the kubelets' statistics`
  await requireAgreement(lab, what, chosen.has('yes') || lab.settings.yes)
  if (!(await hasOwnNamespace(lab))) {
    throw new LabError(`Context "${lab.context}" has no LGTM`, { next: 'run k3d-lgtm first' })
  }
  say(`Installing the collectors in context "${lab.context}"`)
  const changed = await applyCollectors(lab, say)
  for (const release of releases) await waitForRollout(lab, release)
  const reached = await reachPrometheus(lab)
  const truth = await waitUntilCollected(reached.lab).finally(() => reached.close())
  print(
    `${truth.nodes.size} nodes and ${truth.runningPods.size} running pods are measured: ${changed.length} releases changed`,
  )
})
