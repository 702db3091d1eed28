/**
 * Removes Online Boutique: namespace online-boutique with everything in it. Does nothing when the namespace does not exist.
 *
 *   tsx tasks/kwok-boutique-down.ts
 *   tsx tasks/kwok-boutique-down.ts --cluster-name small
 */

import { boutiqueNamespace, deleteBoutique } from '../lib/kwok/online-boutique.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'

const about = 'Removes Online Boutique.'

await runClusterTask({ about, settings: [], changesLab: true }, async ({ lab }) => {
  say('Deleting Online Boutique')
  print((await deleteBoutique(lab)) ? `Namespace ${boutiqueNamespace} is gone` : 'There is no Online Boutique')
})
