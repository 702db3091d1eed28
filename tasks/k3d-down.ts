/**
 * Deletes the lab's k3d cluster and everything in it. With KUBE_CONTEXT, removes namespace otel-lab and the cluster-wide objects of the lab
 * from that cluster; the demo stays. Does nothing when the lab has no cluster.
 *
 *   tsx tasks/k3d-down.ts
 *   tsx tasks/k3d-down.ts --kube-context my-cluster
 */
import { existsSync } from 'node:fs'
import {
  hasOwnNamespace,
  inClusterNamespace,
  labNamespace,
  requireAgreement,
  requireContext,
} from '../lib/k3d/agreement.ts'
import { deleteCluster, ownCluster } from '../lib/k3d/k3d-cluster.ts'
import { removeFromCluster } from '../lib/k3d/k3d-remove.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { dropScenarios, healScenarios, requireNoVerifyAlerts } from '../lib/scenarios/heal-scenarios.ts'
import { runningScenarios } from '../lib/scenarios/scenario-journal.ts'

const about = "Deletes the lab's k3d cluster, or uninstalls the lab from another cluster."
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask(
  { about, settings: ['kubeContext'], flags, on: 'context', changesLab: true, ignoreCreationSettings: true },
  async ({ lab, flags: chosen }) => {
    const { clusterName: name, kubeContext } = lab.settings
    if (ownCluster(lab) !== undefined) {
      say(`Deleting k3d cluster "${name}"`)
      await dropScenarios(lab)
      await deleteCluster(lab)
      print(`k3d cluster "${name}" is deleted`)
      return
    }
    if (kubeContext === 'auto' && !existsSync(lab.dir)) {
      print(`There is no k3d cluster "${name}"`)
      return
    }
    await requireContext(lab)
    await requireNoVerifyAlerts(lab)
    const yes = chosen.has('yes') || lab.settings.yes
    await requireAgreement(lab, `this deletes namespace ${labNamespace} with all its objects`, yes)
    say(`Deleting what the lab installed in context "${lab.context}"`)
    // Their journal goes with the lab's folder.
    const mustHeal = runningScenarios(lab).length > 0 && (await hasOwnNamespace(lab, inClusterNamespace))
    await (mustHeal ? healScenarios(lab, () => true, say) : dropScenarios(lab))
    const removed = await removeFromCluster(lab)
    print(
      removed
        ? `Namespace ${labNamespace} of context "${lab.context}" is deleted`
        : `The lab has installed nothing in context "${lab.context}"`,
    )
  },
)
