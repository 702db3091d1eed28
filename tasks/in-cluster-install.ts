/**
 * Installs the lab inside the cluster that KUBE_CONTEXT names: KWOK, SHARDS stats proxies and collectors, and POD_COUNT pods that wait for
 * simulated nodes. Refuses a cluster that simulated nodes would change. Ends when every part is ready. A second run applies only changes.
 *
 *   tsx tasks/in-cluster-install.ts --kube-context my-cluster --pod-count 3000 --shards 3
 *   tsx tasks/in-cluster-install.ts --kube-context my-cluster --allow kube-system/kindnet,pod-cidr --yes
 */
import { applyChart, inClusterQuestion, requireSafeCluster } from '../lib/in-cluster/in-cluster.ts'
import {
  hasOwnNamespace,
  inClusterNamespace,
  inClusterParts,
  requireAgreement,
  requireContext,
} from '../lib/k3d/agreement.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Installs the lab inside a cluster; ends when every part is ready.'
const counts = ['nodeCount', 'podCount', 'shards', 'collectionInterval', 'usagePreset'] as const
const settings = [
  'kubeContext',
  ...counts,
  'otlpEndpoint',
  'clusterEvents',
  'metrics',
  'nodePrefix',
  'storageClass',
  'allow',
] as const
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings, flags, on: 'context', changesLab: true }, async ({ lab, flags: chosen }) => {
  await requireContext(lab)
  await hasOwnNamespace(lab, inClusterNamespace)
  await requireSafeCluster(lab)
  await requireAgreement(lab, inClusterQuestion(lab), chosen.has('yes') || lab.settings.yes)
  say(`Installing the lab in context "${lab.context}"`)
  const changed = await applyChart(lab)
  rememberSetting(lab, 'metrics')
  for (const part of inClusterParts(lab)) await waitForRollout(lab, part, inClusterNamespace)
  print(
    `The lab runs in namespace ${inClusterNamespace} of context "${lab.context}": release ${changed ? 'changed' : 'unchanged'}`,
  )
})
