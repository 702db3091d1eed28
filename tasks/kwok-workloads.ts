/**
 * Applies the workloads of kwok-config/workloads: Deployments, a StatefulSet with volumes, DaemonSets, Jobs, a CronJob, an HPA and a
 * ResourceQuota in several namespaces. Waits until all their pods run. A second run applies changed manifests.
 *
 *   tsx tasks/kwok-workloads.ts
 *   kubectl --context kwok-queries-testing get deployments -A
 */
import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { applyWorkloads, waitUntilRolledOut } from '../lib/kwok/workloads.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Applies the workloads of kwok-config/workloads and waits until their pods run.'

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  say('Applying the workloads')
  const objects = await applyWorkloads(lab)
  await waitUntilRolledOut(lab)
  print(`${objects} workload objects are there, all rolled out`)
})
