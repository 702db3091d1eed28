/**
 * Makes a kubeconfig for each program that reads the cluster: the collector (and one for a collector in a container, which
 * reaches this machine as host.docker.internal), the stats proxy and Prometheus. Each is a service account that can only
 * read what its program reads (kwok-config/rbac.yaml), checks the cluster's CA, and is in a file of mode 0600.
 *
 *   tsx tasks/kwok-kubeconfig.ts
 *   kubectl --kubeconfig .lab/queries-testing/kubeconfig/collector.yaml auth can-i --list
 */
import { containerKubeconfigPath, ensureKubeconfigs, kubeconfigPath, readers } from '../lib/kubeconfig.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { print, runTask } from '../lib/task.ts'

const about = 'Makes the kubeconfigs of collector, stats proxy and Prometheus.'

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  await ensureKubeconfigs(lab)
  for (const reader of readers) print(kubeconfigPath(lab, reader))
  print(containerKubeconfigPath(lab))
})
