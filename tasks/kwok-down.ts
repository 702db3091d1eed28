/**
 * Takes the lab down: stops its processes, deletes the cluster and its state, and restores kubectl's previous context. Does nothing when the
 * lab does not exist.
 *
 *   tsx tasks/kwok-down.ts
 *   tsx tasks/kwok-down.ts --cluster-name small
 */
import { existsSync } from 'node:fs'
import { deleteCluster } from '../lib/kwok/kwok-cluster.ts'
import { requireOwnCluster } from '../lib/lab/cluster-owner.ts'
import { restoreContext } from '../lib/lab/kubectl-context.ts'
import { removeLabDir, whyNoLab } from '../lib/lab/lab.ts'
import { removeSocketDir } from '../lib/lab/socket-dir.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { labServices } from '../lib/services/service.ts'
import { services } from '../lib/services/service-list.ts'

const about = 'Takes the lab down: processes, cluster, state, and the kubectl context.'

await runTask({ about, settings: [], ignoreCreationSettings: true, changesLab: true }, async ({ lab }) => {
  const name = lab.settings.clusterName
  if (!existsSync(lab.clusterDir) && !existsSync(lab.dir)) {
    const why = whyNoLab(lab)
    print(`There is no lab "${name}"${why === undefined ? '' : `: ${why}`}`)
    return
  }
  requireOwnCluster(lab)
  say(`Taking down the lab "${name}"`)
  const failure = await restoreContext(lab).catch((error: unknown) => error)
  await Promise.all(services.map(service => labServices(lab).stop(service)))
  await deleteCluster(lab)
  removeSocketDir(lab)
  // The record has the previous context, which a second run needs.
  if (failure !== undefined) throw failure
  removeLabDir(lab)
  print(`The lab "${name}" is down; nothing of it is left`)
})
