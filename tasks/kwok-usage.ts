/**
 * Applies kwok-config/kwok-usage.yaml: KWOK's own resource usage for the namespaces whose pods state their usage in annotations. It contains
 * no catch-all object, because that would override the usage presets of all other pods.
 *
 *   tsx tasks/kwok-usage.ts
 *   kubectl --context kwok-queries-testing get clusterresourceusages
 */
import { join } from 'node:path'
import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { applyManifests } from '../lib/lab/kubectl.ts'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Applies the ClusterResourceUsage objects of kwok-config/kwok-usage.yaml.'

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  print((await applyManifests(lab, join(projectDir, 'kwok-config', 'kwok-usage.yaml'))).trim())
})
