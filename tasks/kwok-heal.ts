/**
 * Ends scenarios and restores what was there before them: the scenario SCENARIO, the one on TARGET, or without both all. Waits until they are
 * healed. Also a step of `make kwok`, which brings up a lab in which nothing fails.
 *
 *   tsx tasks/kwok-heal.ts
 *   tsx tasks/kwok-heal.ts --scenario crash-loop
 */
import { makeCommand } from '../lib/cli/settings.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { ensureScenarioKubeconfig } from '../lib/lab/kubeconfig.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { scenarioJournal } from '../lib/scenarios/scenario-journal.ts'
import { scenarioNamed } from '../lib/scenarios/scenario-list.ts'
import { scenarioHolder } from '../lib/services/scenario-holder.ts'
import { labServices } from '../lib/services/service.ts'
import { waitUntil } from '../lib/system/wait.ts'

const about = 'Ends scenarios: SCENARIO, that on TARGET, or all; and waits until they are healed.'

// Without the lab's lock: to restart a part, the holder runs a step that needs it.
await runTask({ about, settings: ['scenario', 'target'] }, async ({ lab }) => {
  const { scenario: name, target, clusterName } = lab.settings
  if (name !== 'auto') scenarioNamed(name)
  requireCluster(lab)
  const journal = scenarioJournal(lab)
  const isChosen = (each: { name: string; target: string }) =>
    (name === 'auto' || each.name === name) && (target === 'auto' || each.target === target)
  const ending = journal.requests().filter(isChosen)
  for (const request of ending) {
    say(`Healing ${request.name} on ${request.target}`)
    journal.request({ ...request, untilMs: Math.min(request.untilMs, Date.now()) })
  }
  const services = labServices(lab)
  if (ending.length > 0) {
    // The cluster may be another one than that of an earlier holder.
    await ensureScenarioKubeconfig(lab)
    await services.ensure(scenarioHolder)
    await waitUntil<void>({
      what: 'healing',
      timeoutMs: 180_000,
      everyMs: 200,
      check: async () => {
        const left = journal.requests().filter(isChosen)
        if (left.length === 0) return { done: undefined }
        return {
          pending: left.map(each => `${each.name}: ${journal.progress(each).trouble ?? 'is being healed'}`).join('; '),
        }
      },
      progress: 'Healing',
      next: `read ${lab.logsDir}/scenarios.log, then ${makeCommand('kwok-heal', clusterName)} again`,
    })
  }
  // The last scenario.
  if (journal.requests().length === 0) await services.stop(scenarioHolder)
  print(ending.length === 0 ? 'No scenario to heal' : `Healed ${ending.map(each => each.name).join(', ')}`)
})
