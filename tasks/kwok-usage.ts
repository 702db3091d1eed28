/**
 * Applies kwok-config/kwok-usage.yaml: KWOK's own resource usage for the namespaces whose pods state their usage in annotations. It contains
 * no catch-all object, because that would override the usage presets of all other pods.
 *
 *   tsx tasks/kwok-usage.ts
 *   kubectl --context kwok-queries-testing get clusterresourceusages
 */
import { join } from 'node:path'
import { kubectlCommand, serverSide } from '../lib/lab/kubectl.ts'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { $ } from '../lib/system/run.ts'

const about = 'Applies the ClusterResourceUsage objects of kwok-config/kwok-usage.yaml.'

await runClusterTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  const kubectl = await kubectlCommand(lab)
  const { stdout } = await $`${kubectl} apply ${serverSide} -f ${join(projectDir, 'kwok-config', 'kwok-usage.yaml')}`
  print(stdout.trim())
})
