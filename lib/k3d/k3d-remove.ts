import { kubectlCommand } from '../lab/kubectl.ts'
import { type Lab, removeLabDir } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { $ } from '../system/run.ts'
import { hasOwnNamespace, labNamespace } from './agreement.ts'
import { uninstallRelease } from './helm.ts'
import { releases } from './helm-collectors.ts'

/** Deletes everything that the lab installed in a cluster, and waits until it is gone; false when there was nothing. */
export async function removeFromCluster(lab: Lab): Promise<boolean> {
  const kubectl = await kubectlCommand(lab)
  const isInstalled = await hasOwnNamespace(lab)
  if (isInstalled) for (const release of [...releases].reverse()) await uninstallRelease(lab, release)
  await $`${kubectl} delete clusterrolebindings,clusterroles -l ${managedBy}`
  if (isInstalled) await $`${kubectl} delete namespace ${labNamespace} --wait --timeout 3m`
  removeLabDir(lab)
  return isInstalled
}
