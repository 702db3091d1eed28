/**
 * Installs the lab inside the cluster that KUBE_CONTEXT names: KWOK, SHARDS stats proxies and collectors, and POD_COUNT pods that wait for
 * simulated nodes. Refuses a cluster that simulated nodes would change. Ends when every part is ready. A second run applies only changes, and
 * keeps the settings that it is not given.
 *
 *   tsx tasks/in-cluster-install.ts --kube-context my-cluster --pod-count 3000 --shards 3
 *   tsx tasks/in-cluster-install.ts --kube-context my-cluster --allow kube-system/kindnet,pod-cidr --yes
 */
import {
  applyChart,
  inClusterQuestion,
  inClusterSettings,
  keepSettings,
  requireSafeCluster,
  requireSameCluster,
} from '../lib/in-cluster/in-cluster.ts'
import { requireRoom } from '../lib/in-cluster/simulated-nodes.ts'
import {
  hasOwnNamespace,
  inClusterNamespace,
  inClusterParts,
  requireAgreement,
  requireContext,
} from '../lib/k3d/agreement.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Installs the lab inside a cluster; ends when every part is ready.'
const settings = ['kubeContext', ...inClusterSettings] as const
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings, flags, on: 'context', changesLab: true }, async ({ lab, flags: chosen }) => {
  await requireContext(lab)
  await requireSameCluster(lab)
  await hasOwnNamespace(lab, inClusterNamespace)
  requireRoom(lab, lab.settings.podCount)
  await requireSafeCluster(lab)
  await requireAgreement(lab, inClusterQuestion(lab), chosen.has('yes') || lab.settings.yes)
  say(`Installing the lab in context "${lab.context}"`)
  const changed = await applyChart(lab, say)
  keepSettings(lab)
  for (const part of inClusterParts(lab)) await waitForRollout(lab, part, inClusterNamespace)
  print(
    `The lab runs in namespace ${inClusterNamespace} of context "${lab.context}": release ${changed ? 'changed' : 'unchanged'}`,
  )
})
