import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import type { KubeClient } from '../../../lib/kube/api-client.ts'
import { holdScenarios } from '../../../lib/scenarios/hold-scenarios.ts'
import { type Scenario, TargetGoneError } from '../../../lib/scenarios/scenario.ts'
import { type ScenarioRequest, scenarioJournal } from '../../../lib/scenarios/scenario-journal.ts'
import { waitUntil } from '../../../lib/system/wait.ts'
import { tempLab } from '../../support/temp-lab.ts'

const texts = { does: '', effect: '', heals: '', shows: '', alerts: { otel: [], prometheus: [] } }
// No scenario of these tests calls the API.
const client = {} as KubeClient

/**
 * A lab whose world is a set of broken things. The scenario breaks its target, and saves the state before it; `fail` makes a call fail at a
 * step.
 */
function world() {
  const lab = tempLab()
  const journal = scenarioJournal(lab)
  const broken = new Set<string>()
  const calls: string[] = []
  let failing: string | undefined
  const at = (step: string) => {
    calls.push(step)
    if (failing === step) throw new LabError(`failed at ${step}`)
  }
  const breaking: Scenario = {
    ...texts,
    name: 'breaking',
    target: 'node',
    async hold(run) {
      if (run.target === 'gone') throw new TargetGoneError('it is gone')
      at('before save')
      if (run.saved === undefined) run.save({ wasBroken: broken.has(run.target) })
      at('after save')
      broken.add(run.target)
      at('after change')
      return 10
    },
    async undo(run) {
      at('before undo')
      if (run.saved !== undefined && !(run.saved as { wasBroken: boolean }).wasBroken) broken.delete(run.target)
      at('after undo')
    },
  }
  return {
    lab,
    breaking,
    journal,
    broken,
    calls,
    failAt(step: string | undefined) {
      failing = step
    },
    request(target: string): ScenarioRequest {
      const startMs = Date.now()
      const request = { name: 'breaking', target, startMs, untilMs: startMs + 600_000 }
      journal.request(request)
      return request
    },
    end: (request: ScenarioRequest) => journal.request({ ...request, untilMs: Date.now() }),
    /** Runs a holder until something holds, then ends it, as a kill does between two calls. */
    async hold(what: string, holds: () => boolean) {
      const stop = new AbortController()
      const options = { lab, client, journal, scenarios: [breaking], log: () => {}, pollMs: 10, retryMs: 20 }
      const held = holdScenarios({ ...options, signal: stop.signal })
      try {
        await waitUntil<void>({
          what,
          timeoutMs: 60_000,
          everyMs: 10,
          check: async () => (holds() ? { done: undefined } : { pending: calls.slice(-5).join() }),
        })
      } finally {
        stop.abort()
        await held
      }
    },
  }
}

const holder = suite('holdScenarios()')

holder('applies a scenario, holds it, and restores the state before it at its end', async () => {
  const { journal, broken, request, hold } = world()
  const begun = request('a')
  await hold('applied', () => journal.progress(begun).appliedMs !== undefined)
  assert.deepEqual([...broken], ['a'])
  broken.clear()
  await hold('held', () => broken.has('a'))
  journal.request({ ...begun, untilMs: Date.now() + 300 })
  await hold('healed', () => journal.requests().length === 0)
  assert.deepEqual([...broken], [])
  assert.deepEqual(journal.progress(begun), {})
})

holder('runs several at once, and ends one without the others', async () => {
  const { journal, broken, request, end, hold } = world()
  const [first] = [request('a'), request('b')]
  await hold('both', () => broken.size === 2)
  end(first)
  await hold('one', () => journal.requests().length === 1)
  assert.deepEqual([...broken], ['b'])
})

for (const step of ['before save', 'after save', 'after change', 'before undo', 'after undo']) {
  holder(`restores the state when it is killed ${step}`, async () => {
    const { journal, broken, calls, failAt, request, end, hold } = world()
    const begun = request('a')
    if (step.endsWith('undo')) {
      await hold('applied', () => journal.progress(begun).appliedMs !== undefined)
      end(begun)
    }
    failAt(step)
    await hold('the failure', () => calls.includes(step))
    failAt(undefined)
    // Another process; the scenario ends before or after it is held again.
    for (const isHeldAgain of [false, true]) {
      if (isHeldAgain && !step.endsWith('undo')) {
        const again = request('a')
        await hold('held again', () => journal.progress(again).appliedMs !== undefined)
      }
      for (const each of journal.requests()) end(each)
      await hold('healed', () => journal.requests().length === 0)
      assert.deepEqual([...broken], [])
    }
  })
}

holder('keeps the reason of a failure until a call succeeds', async () => {
  const { journal, failAt, request, hold } = world()
  failAt('after save')
  const begun = request('a')
  await hold('trouble', () => journal.progress(begun).trouble === 'failed at after save')
  failAt(undefined)
  await hold('applied', () => journal.progress(begun).appliedMs !== undefined)
  assert.equal(journal.progress(begun).trouble, undefined)
})

holder('ends a scenario whose target is gone, or that this version does not have', async () => {
  const { journal, request, hold } = world()
  request('gone')
  journal.request({ name: 'of-another-version', target: 'a', startMs: 0, untilMs: Date.now() + 60_000 })
  await hold('ended', () => journal.requests().length === 0)
})
holder('gives up what it cannot heal for a time, and another process heals it', async () => {
  const { lab, journal, breaking, broken, failAt, request, end, hold } = world()
  const begun = request('a')
  await hold('applied', () => journal.progress(begun).appliedMs !== undefined)
  end(begun)
  failAt('before undo')
  const { signal } = new AbortController()
  const options = { lab, client, journal, scenarios: [breaking], log: () => {}, pollMs: 10, retryMs: 20, signal }
  assert.equal(await holdScenarios({ ...options, giveUpMs: 200 }), 'given up')
  assert.match(journal.progress(begun).trouble ?? '', /failed at before undo/)
  failAt(undefined)
  await hold('healed', () => journal.requests().length === 0)
  assert.deepEqual([...broken], [])
})
holder.run()
