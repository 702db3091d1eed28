/**
 * Runs Online Boutique in namespace online-boutique: the twelve services of kwok-config/online-boutique.yaml with BOUTIQUE_REPLICAS pods each.
 * Ends when all pods run. Fails before any change when the nodes have no capacity for them. A second run scales.
 *
 *   tsx tasks/kwok-boutique.ts --boutique-replicas 10
 *   kubectl --context kwok-queries-testing -n online-boutique get deployments
 */

import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { applyBoutique, boutiqueNamespace } from '../lib/kwok/online-boutique.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Runs Online Boutique on the simulated nodes and waits until all its pods run.'

await runTask({ about, settings: ['boutiqueReplicas'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
  say('Applying Online Boutique')
  const pods = await applyBoutique(lab, lab.settings.boutiqueReplicas)
  rememberSetting(lab, 'boutiqueReplicas')
  print(`Online Boutique runs in namespace ${boutiqueNamespace}: 12 services, ${pods} pods`)
})
