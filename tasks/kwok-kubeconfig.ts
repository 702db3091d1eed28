/**
 * Makes a kubeconfig for each program that reads the cluster, and one more for its container: in the Docker runtime it names
 * the API server as the lab's network does; in the binary runtime there is one for a collector of your own, which reaches this
 * machine as host.docker.internal. Each is a service account that can only read what its program reads (kwok-config/rbac.yaml),
 * checks the cluster's CA, and is in a file of mode 0600.
 *
 *   tsx tasks/kwok-kubeconfig.ts
 *   kubectl --kubeconfig .lab/queries-testing/kubeconfig/collector.yaml auth can-i --list
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import {
  containerKubeconfigPath,
  containerReaders,
  ensureKubeconfigs,
  kubeconfigPath,
  readers,
} from '../lib/lab/kubeconfig.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Makes the kubeconfigs of collector, stats proxy and Prometheus.'

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  await ensureKubeconfigs(lab)
  for (const reader of readers) print(kubeconfigPath(lab, reader))
  for (const reader of containerReaders(lab)) print(containerKubeconfigPath(lab, reader))
})
