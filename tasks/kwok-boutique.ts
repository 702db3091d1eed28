/**
 * Runs Online Boutique in namespace online-boutique: the twelve services of kwok-config/online-boutique.yaml with BOUTIQUE_REPLICAS pods each.
 * Ends when all pods run. Fails before any change when the nodes have no capacity for them. A second run scales.
 *
 *   tsx tasks/kwok-boutique.ts --boutique-replicas 10
 *   kubectl --context kwok-queries-testing -n online-boutique get deployments
 */

import { boutiqueNamespace, writeBoutique } from '../lib/kwok/online-boutique.ts'
import { kubectlCommand, serverSide } from '../lib/lab/kubectl.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { $ } from '../lib/system/run.ts'

const about = 'Runs Online Boutique on the simulated nodes and waits until all its pods run.'

await runClusterTask({ about, settings: ['boutiqueReplicas'], changesLab: true }, async ({ lab }) => {
  const kubectl = await kubectlCommand(lab)
  say('Applying Online Boutique')
  const { file, pods } = await writeBoutique(lab, lab.settings.boutiqueReplicas)
  await $`${kubectl} apply ${serverSide} -f ${file}`
  const timeout = `--timeout=${60 + Math.ceil(pods / 10)}s`
  await $({ timeoutMs: 900_000 })`${kubectl} rollout status deployment -n ${boutiqueNamespace} ${timeout}`
  rememberSetting(lab, 'boutiqueReplicas')
  print(`Online Boutique runs in namespace ${boutiqueNamespace}: 12 services, ${pods} pods`)
})
