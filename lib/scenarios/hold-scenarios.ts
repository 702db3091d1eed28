import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import type { KubeClient } from '../kube/api-client.ts'
import type { Lab } from '../lab/lab.ts'
import { type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'
import type { ScenarioJournal, ScenarioProgress, ScenarioRequest } from './scenario-journal.ts'

export interface HolderOptions {
  lab: Lab
  client: KubeClient
  journal: ScenarioJournal
  scenarios: readonly Scenario[]
  signal: AbortSignal
  log: (line: string) => void
  /** How often the journal is read. */
  pollMs?: number
  /** The pause after a failed call. */
  retryMs?: number
  /** How long healing is tried in vain, when all scenarios have ended. */
  giveUpMs?: number
}

/**
 * Applies the scenarios of the journal, holds them, and heals them at their end, each independently of the others, until the signal. Then it
 * leaves them as they are: the next process continues. A call that fails is repeated. When all scenarios have ended and none
 * could be healed for `giveUpMs`, it gives up.
 */
export async function holdScenarios(options: HolderOptions): Promise<'stopped' | 'given up'> {
  const { journal, signal, log, pollMs = 250, retryMs = 2_000, giveUpMs = Number.POSITIVE_INFINITY } = options
  /** Since when healing fails, by a clock that stands still while the machine sleeps. */
  let failingSinceMs = Number.POSITIVE_INFINITY
  /** Of each run: when its next call is due. Infinite during a call. */
  const due = new Map<string, number>()
  const calls = new Set<Promise<void>>()
  while (!signal.aborted) {
    const requests = journal.requests()
    const hasEnded = requests.length > 0 && requests.every(({ untilMs }) => Date.now() >= untilMs)
    if (hasEnded && performance.now() > failingSinceMs + giveUpMs) {
      log('gives up: nothing could be healed since the scenarios ended')
      return 'given up'
    }
    for (const request of requests) {
      const key = keyOf(request)
      const nowMs = Date.now()
      const dueMs = due.get(key) ?? 0
      const isBusy = dueMs === Number.POSITIVE_INFINITY
      if (isBusy || (nowMs < dueMs && nowMs < request.untilMs)) continue
      due.set(key, Number.POSITIVE_INFINITY)
      const work = step(options, request).then(
        waitMs => {
          failingSinceMs = Number.POSITIVE_INFINITY
          due.set(key, Date.now() + waitMs)
        },
        async () => {
          if (Date.now() >= request.untilMs) failingSinceMs = Math.min(failingSinceMs, performance.now())
          await sleep(retryMs, undefined, { ref: false })
          due.set(key, 0)
        },
      )
      calls.add(work)
      void work.finally(() => calls.delete(work))
    }
    const present = new Set(requests.map(keyOf))
    for (const [key, dueMs] of due) if (!present.has(key) && dueMs !== Number.POSITIVE_INFINITY) due.delete(key)
    await sleep(pollMs, undefined, { signal }).catch(() => {})
  }
  return 'stopped'
}

/** One call of a scenario. Returns the milliseconds until the next one. Rejects when it failed; the journal has the reason. */
async function step(
  { lab, client, journal, scenarios, log }: HolderOptions,
  request: ScenarioRequest,
): Promise<number> {
  const { name, target } = request
  const scenario = scenarios.find(each => each.name === name)
  let progress = journal.progress(request)
  const keep = (changes: ScenarioProgress) => {
    progress = { ...progress, ...changes }
    journal.saveProgress(request, progress)
  }
  const run: ScenarioRun = {
    lab,
    client,
    ...request,
    get saved() {
      return progress.saved
    },
    save: saved => keep({ saved }),
  }
  const heal = async (why: string) => {
    await scenario?.undo(run)
    journal.remove(request)
    log(`${name} on ${target}: ended: ${why}`)
    return 0
  }
  try {
    if (scenario === undefined) return await heal('this version of the lab does not have it')
    if (Date.now() >= request.untilMs) return await heal('its time is over')
    try {
      const waitMs = await scenario.hold(run)
      if (progress.appliedMs === undefined) log(`${name} on ${target}: applied`)
      if (progress.appliedMs === undefined || progress.trouble !== undefined) {
        const { trouble: _, ...rest } = progress
        progress = { ...rest, appliedMs: progress.appliedMs ?? Date.now() }
        journal.saveProgress(request, progress)
      }
      return waitMs
    } catch (error) {
      if (!(error instanceof TargetGoneError)) throw error
      return await heal(error.message)
    }
  } catch (error) {
    const trouble = error instanceof LabError ? error.message : error instanceof Error ? `${error.stack}` : `${error}`
    if (progress.trouble !== trouble) log(`${name} on ${target}: ${trouble}, trying again`)
    keep({ trouble })
    throw error
  }
}

function keyOf({ name, target, startMs }: ScenarioRequest): string {
  return `${name} ${target} ${startMs}`
}
