import { kubectlCommand } from '../lab/kubectl.ts'
import { forgetSetting, type Lab, removeLabDir } from '../lab/lab.ts'
import { forgetImages } from '../lab/lab-images.ts'
import { managedBy } from '../lab/manifest.ts'
import { $ } from '../system/run.ts'
import { hasOwnNamespace, inClusterNamespace, labNamespace } from './agreement.ts'
import { uninstallRelease } from './helm.ts'
import { releases } from './helm-collectors.ts'

/** Deletes everything that the lab installed in a cluster, and waits until it is gone; false when there was nothing. */
export async function removeFromCluster(lab: Lab): Promise<boolean> {
  const kubectl = await kubectlCommand(lab)
  const isInstalled = await hasOwnNamespace(lab)
  if (isInstalled) for (const release of [...releases].reverse()) await uninstallRelease(lab, release)
  await $`${kubectl} delete clusterrolebindings,clusterroles -l ${managedBy}`
  if (isInstalled) await $`${kubectl} delete namespace ${labNamespace} --wait --timeout 3m`
  // The lab inside the cluster, which stays, has its settings there.
  if (!(await hasOwnNamespace(lab, inClusterNamespace))) removeLabDir(lab)
  else {
    for (const name of ['dashboardsDir', 'rulesDir'] as const) forgetSetting(lab, name)
    forgetImages(lab, ['lgtm'])
  }
  return isInstalled
}
