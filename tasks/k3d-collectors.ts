/**
 * Installs two OpenTelemetry Collectors with Helm: a Deployment for the metrics and events of the Kubernetes API, and a DaemonSet for each
 * node and its kubelet. Ends when Prometheus has fresh metrics of every node and every running pod.
 *
 *   tsx tasks/k3d-collectors.ts
 *   tsx tasks/k3d-collectors.ts --kube-context my-cluster --otel-chart ./opentelemetry-collector-0.170.0.tgz
 */
import { LabError } from '../lib/cli/errors.ts'
import { hasOwnNamespace, labNamespace, requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { requireChart } from '../lib/k3d/helm.ts'
import { applyCollectors, releases } from '../lib/k3d/helm-collectors.ts'
import { reachPrometheus } from '../lib/k3d/port-forward.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { waitUntilMeasured } from '../lib/kwok/lab-ready.ts'
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
  const logs = `kubectl --context ${lab.context} -n ${labNamespace} logs -l app.kubernetes.io/instance=otel-lab-daemonset`
  const truth = await waitUntilMeasured(reached.lab, {
    timeoutMs: 120_000 + 6 * lab.settings.collectionInterval,
    next: `${logs}; if it reports certificate errors, KUBELET_INSECURE_TLS=true skips the check of the kubelets' certificates`,
  }).finally(() => reached.close())
  print(
    `${truth.nodes.size} nodes and ${truth.runningPods.size} running pods are measured: ${changed.length} releases changed`,
  )
})
