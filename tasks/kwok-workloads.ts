/**
 * Applies the workloads of kwok-config/workloads: Deployments, a StatefulSet with volumes, DaemonSets, Jobs, a CronJob, an HPA and a
 * ResourceQuota in several namespaces. Waits until all their pods run. A second run applies changed manifests.
 *
 *   tsx tasks/kwok-workloads.ts
 *   kubectl --context kwok-queries-testing get deployments -A
 */

import { waitUntilRolledOut, workloadsDir } from '../lib/kwok/workloads.ts'
import { kubectlCommand, serverSide } from '../lib/lab/kubectl.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { $ } from '../lib/system/run.ts'

const about = 'Applies the workloads of kwok-config/workloads and waits until their pods run.'

await runClusterTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  const kubectl = await kubectlCommand(lab)
  say('Applying the workloads')
  const { stdout } = await $`${kubectl} apply ${serverSide} -f ${workloadsDir}`
  await waitUntilRolledOut(lab)
  print(`${stdout.trim().split('\n').length} workload objects are applied and rolled out`)
})
