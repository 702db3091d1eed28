/**
 * Writes a kubeconfig for each program that reads the cluster, and one for its container: in the Docker runtime with the API server's address
 * on the lab's network; in the binary runtime one for a collector of your own, which reaches this machine as host.docker.internal. Each holds
 * the token of a service account that can only read what its program needs (kwok-config/rbac.yaml), checks the cluster's CA, and has mode
 * 0600.
 *
 *   tsx tasks/kwok-kubeconfig.ts
 *   kubectl --kubeconfig .lab/queries-testing/kubeconfig/collector.yaml auth can-i --list
 */

import {
  containerKubeconfigPath,
  containerReaders,
  ensureKubeconfigs,
  kubeconfigPath,
  readersOf,
} from '../lib/lab/kubeconfig.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'

const about = 'Writes a kubeconfig with read-only access for each program that reads the cluster.'

await runClusterTask({ about, settings: ['metrics'], changesLab: true }, async ({ lab }) => {
  await ensureKubeconfigs(lab)
  for (const reader of readersOf(lab)) print(kubeconfigPath(lab, reader))
  for (const reader of containerReaders(lab)) print(containerKubeconfigPath(lab, reader))
})
