/**
 * Makes the cluster fail on command: starts the scenario SCENARIO on TARGET for the time FOR, and ends when the first change is in the API. A
 * small process holds it, and restores the state before it when the time is over. Several scenarios can run on different targets.
 *
 *   tsx tasks/kwok-scenario.ts --scenario list
 *   tsx tasks/kwok-scenario.ts --scenario crash-loop --for 30m
 *   tsx tasks/kwok-scenario.ts --scenario node-not-ready --kube-context my-cluster      # of the lab inside a cluster
 */
import { LabError, UsageError } from '../lib/cli/errors.ts'
import { apiTime } from '../lib/kube/json.ts'
import { labCommand, statusCommand } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { connectForScenarios, scenarioCluster } from '../lib/scenarios/scenario-cluster.ts'
import { scenarioJournal } from '../lib/scenarios/scenario-journal.ts'
import { scenarioListText, scenarioNamed } from '../lib/scenarios/scenario-list.ts'
import { chooseTarget } from '../lib/scenarios/scenario-targets.ts'
import { scenarioHolder } from '../lib/services/scenario-holder.ts'
import { labServices } from '../lib/services/service.ts'
import { waitUntil } from '../lib/system/wait.ts'

const about = 'Starts the scenario SCENARIO, a failure of the cluster, or prints the list of scenarios.'

const settings = ['scenario', 'target', 'for', 'kubeContext'] as const
await runTask({ about, settings, on: 'either', changesLab: true }, async ({ lab }) => {
  const { scenario: name, target: wanted, for: lengthMs } = lab.settings
  if (name === 'auto' || name === 'list') return print(scenarioListText())
  const scenario = scenarioNamed(name)
  const cluster = scenarioCluster(lab)
  await cluster.require()
  const journal = scenarioJournal(lab)
  using client = await connectForScenarios(lab, lengthMs)
  const target = await chooseTarget(client, scenario, { target: wanted, running: journal.requests(), lab })
  const why = await scenario.unfitLab?.(lab)
  if (why !== undefined) throw new UsageError(`Cannot start ${name} on ${target}`, { why, next: statusCommand(lab) })
  const startMs = Date.now()
  const request = { name, target, startMs, untilMs: startMs + lengthMs }
  say(`Starting ${name} on ${scenario.target} ${target}`)
  journal.request(request)
  await labServices(lab).ensure(scenarioHolder)
  await waitUntil<void>({
    what: `${name} on ${target}`,
    timeoutMs: 60_000,
    everyMs: 100,
    check: async () => {
      const { appliedMs, trouble } = journal.progress(request)
      if (appliedMs !== undefined) return { done: undefined }
      const isHeld = journal.requests().some(each => each.name === name && each.target === target)
      const why = `the target is gone: read ${lab.logsDir}/scenarios.log`
      if (!isHeld) return { failed: new LabError(`Cannot start ${name} on ${target}`, { why }) }
      return { pending: trouble ?? 'it has not begun yet' }
    },
    next: `${labCommand(lab, 'kwok-heal')}, and read ${lab.logsDir}/scenarios.log`,
  })
  print(`${name} runs on ${scenario.target} ${target} until ${apiTime(request.untilMs)}
  Full effect after ${scenario.effect}
Next: ${labCommand(lab, 'kwok-heal')} SCENARIO=${name} TARGET=${target}`)
})
