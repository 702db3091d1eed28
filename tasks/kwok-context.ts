/**
 * Switches kubectl to the lab's cluster: adds the context kwok-<cluster> to your kubeconfig and makes it the current one. `kwok-down` restores
 * the previous context.
 *
 *   tsx tasks/kwok-context.ts
 *   KUBECONFIG=./my-kubeconfig tsx tasks/kwok-context.ts
 */
import { requireWritableKubeconfig, switchContext } from '../lib/lab/kubectl-context.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'

const about = "Makes the lab's cluster the current context of kubectl."

await runClusterTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireWritableKubeconfig(process.env)
  await switchContext(lab)
  print(`kubectl's context is ${lab.context}`)
})
