import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { containerKubeconfigPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import { kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'

/** Deletes the rights and kubeconfigs of kube-state-metrics. Does nothing on a lab that has none. */
export async function deleteKubeStateMetricsRights(lab: Lab): Promise<void> {
  const kubeconfigs = [kubeconfigPath(lab, 'kube-state-metrics'), containerKubeconfigPath(lab, 'kube-state-metrics')]
  if (!kubeconfigs.some(path => existsSync(path))) return
  const file = join(projectDir, 'kwok-config', 'rbac-kube-prometheus.yaml')
  await kubectl(lab, ['delete', '--ignore-not-found', '-f', file])
  // Last: a run that ended before this deletes the rest.
  for (const path of kubeconfigs) rmSync(path, { force: true })
}
