import { LabError } from '../cli/errors.ts'
import { type Lab, labCommand } from '../lab/lab.ts'
import { scenarioHolder } from '../services/scenario-holder.ts'
import { labServices } from '../services/service.ts'
import { alertsLockPath } from '../services/user-rules.ts'
import { livingHolder } from '../system/lock.ts'
import { waitUntil } from '../system/wait.ts'
import { scenarioCluster } from './scenario-cluster.ts'
import { type ScenarioRequest, scenarioJournal } from './scenario-journal.ts'

/**
 * Ends the chosen scenarios of a lab, waits until they are healed, and stops the holder with the last scenario. Returns those that it ended.
 *
 * Throws a LabError when healing takes too long.
 */
export async function healScenarios(
  lab: Lab,
  isChosen: (request: ScenarioRequest) => boolean,
  say: (line: string) => void,
): Promise<ScenarioRequest[]> {
  const journal = scenarioJournal(lab)
  const ending = journal.requests().filter(isChosen)
  for (const request of ending) {
    say(`Healing ${request.name} on ${request.target}`)
    journal.end(request)
  }
  const services = labServices(lab)
  if (ending.length > 0) {
    // The cluster may be another one than that of an earlier holder.
    await scenarioCluster(lab).ensureKubeconfig()
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
      next: `read ${lab.logsDir}/scenarios.log, then ${labCommand(lab, 'kwok-heal')} again`,
    })
  }
  // The last scenario.
  if (journal.requests().length === 0) await services.stop(scenarioHolder)
  return ending
}

/** Stops the holder of a lab that is being deleted with all that its scenarios changed, and forgets them: nothing is healed. */
export async function dropScenarios(lab: Lab): Promise<void> {
  await labServices(lab).stop(scenarioHolder)
  const journal = scenarioJournal(lab)
  for (const request of journal.requests()) journal.remove(request)
}

/** Throws a LabError while verify-alerts runs on a lab that is to be removed: it would start scenarios again, and save wrong results. */
export async function requireNoVerifyAlerts(lab: Lab): Promise<void> {
  const holder = await livingHolder(alertsLockPath(lab))
  if (holder === undefined) return
  throw new LabError(`verify-alerts runs on the lab (pid ${holder.pid})`, {
    next: 'end it with Ctrl-C, then run this again',
  })
}
