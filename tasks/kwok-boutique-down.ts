/**
 * Removes Online Boutique: namespace online-boutique with everything in it. Does nothing when the namespace does not exist.
 *
 *   tsx tasks/kwok-boutique-down.ts
 *   tsx tasks/kwok-boutique-down.ts --cluster-name small
 */

import { boutiqueNamespace, deleteBoutique } from '../lib/kwok/online-boutique.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Removes Online Boutique.'

await runTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  say('Deleting Online Boutique')
  print((await deleteBoutique(lab)) ? `Namespace ${boutiqueNamespace} is gone` : 'There is no Online Boutique')
})
