/**
 * Switches kubectl to the lab's cluster: the context kwok-<cluster> is in your kubeconfig and is the current one. The one
 * that was current comes back with `kwok-down`.
 *
 *   tsx tasks/kwok-context.ts
 *   KUBECONFIG=./my-kubeconfig tsx tasks/kwok-context.ts
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requireWritableKubeconfig, switchContext } from '../lib/lab/kubectl-context.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = "Makes the lab's cluster kubectl's current context."

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  requireWritableKubeconfig(process.env)
  await switchContext(lab)
  print(`kubectl's context is ${lab.context}`)
})
