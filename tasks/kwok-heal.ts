/**
 * Ends scenarios and restores what was there before them: the scenario SCENARIO, the one on TARGET, or without both all. Waits until they are
 * healed. Also a step of `make kwok`, which brings up a lab in which nothing fails.
 *
 *   tsx tasks/kwok-heal.ts
 *   tsx tasks/kwok-heal.ts --scenario crash-loop
 *   tsx tasks/kwok-heal.ts --kube-context my-cluster      # of the lab inside a cluster
 */
import { print, runTask, say } from '../lib/lab/task.ts'
import { healScenarios } from '../lib/scenarios/heal-scenarios.ts'
import { scenarioCluster } from '../lib/scenarios/scenario-cluster.ts'
import { runningScenarios } from '../lib/scenarios/scenario-journal.ts'
import { scenarioNamed } from '../lib/scenarios/scenario-list.ts'

const about = 'Ends scenarios: SCENARIO, that on TARGET, or all; and waits until they are healed.'

// Without the lab's lock: to restart a part, the holder runs a step that needs it.
await runTask({ about, settings: ['scenario', 'target', 'kubeContext'], on: 'either' }, async ({ lab }) => {
  const { scenario: name, target } = lab.settings
  if (name !== 'auto') scenarioNamed(name)
  await scenarioCluster(lab).require()
  const isChosen = (each: { name: string; target: string }) =>
    (name === 'auto' || each.name === name) && (target === 'auto' || each.target === target)
  const healed = await healScenarios(lab, isChosen, say)
  const others = runningScenarios(lab).map(({ text }) => text)
  const none = others.length === 0 ? 'No scenario to heal' : `No such scenario runs. These do: ${others.join(', ')}`
  print(healed.length === 0 ? none : `Healed ${healed.map(each => each.name).join(', ')}`)
})
