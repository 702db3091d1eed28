import { kubectl } from '../lab/kubectl.ts'
import { type Lab, removeLabDir } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { hasOwnNamespace, labNamespace } from './agreement.ts'
import { uninstallRelease } from './helm.ts'
import { releases } from './helm-collectors.ts'

/** Removes from a cluster exactly what the lab installed there, and waits until it is gone; false when there was nothing. */
export async function removeFromCluster(lab: Lab): Promise<boolean> {
  const isThere = await hasOwnNamespace(lab)
  if (isThere) for (const release of [...releases].reverse()) await uninstallRelease(lab, release)
  await kubectl(lab, ['delete', 'clusterrolebindings,clusterroles', '-l', managedBy])
  if (isThere) await kubectl(lab, ['delete', 'namespace', labNamespace, '--wait', '--timeout', '3m'])
  removeLabDir(lab)
  return isThere
}
