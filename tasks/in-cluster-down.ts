/**
 * Removes the lab from inside the cluster that KUBE_CONTEXT names: simulated pods and nodes, and everything that the chart created, also when
 * its installation failed. Scenarios end. LGTM stays; k3d-down removes it.
 *
 *   tsx tasks/in-cluster-down.ts --kube-context my-cluster
 */
import { forgetSettings, removeInCluster } from '../lib/in-cluster/in-cluster.ts'
import { hasOwnNamespace, inClusterNamespace, requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { ownCluster } from '../lib/k3d/k3d-cluster.ts'
import { removeLabDir } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { dropScenarios, requireNoVerifyAlerts } from '../lib/scenarios/heal-scenarios.ts'

const about = 'Removes the lab with its simulated nodes from inside a cluster.'
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask(
  { about, settings: ['kubeContext'], flags, on: 'context', changesLab: true, ignoreCreationSettings: true },
  async ({ lab, flags: chosen }) => {
    await requireContext(lab)
    await requireNoVerifyAlerts(lab)
    await hasOwnNamespace(lab, inClusterNamespace)
    const what = `this deletes every simulated node, namespace ${inClusterNamespace} and the namespaces of simulated pods, with all their objects`
    await requireAgreement(lab, what, chosen.has('yes') || lab.settings.yes)
    await dropScenarios(lab)
    const removed = await removeInCluster(lab, say)
    // With LGTM there, k3d-down removes it. A namespace of that name can be the user's.
    const hasLgtm = await hasOwnNamespace(lab).catch(() => false)
    if (ownCluster(lab) === undefined && !hasLgtm) removeLabDir(lab)
    else forgetSettings(lab)
    print(
      removed
        ? `The lab is removed from context "${lab.context}"`
        : `The lab has installed nothing inside the cluster of context "${lab.context}"`,
    )
  },
)
