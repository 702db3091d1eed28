/** The faults that a run can meet, on a lab in memory. The course without faults is tested on a real lab. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { PlannedScenario } from '../../../../lib/checks/alerts/alert-plan.ts'
import { alertWatch, type ScenarioRun } from '../../../../lib/checks/alerts/alert-watch.ts'
import { type AlertLab, runAlertPlan } from '../../../../lib/checks/alerts/run-alert-plan.ts'
import { type SavedRun, seenBefore, toSave } from '../../../../lib/checks/alerts/saved-run.ts'
import { LabError } from '../../../../lib/cli/errors.ts'
import { scenarioNamed } from '../../../../lib/scenarios/scenario-list.ts'
import { alertRule } from './alerts-fixture.ts'

const rule = alertRule('Restarting')
const planned: PlannedScenario = {
  scenario: scenarioNamed('crash-loop'),
  target: 'shop/a',
  scope: undefined,
  expected: [{ name: rule.name, rules: [rule], firesWithinMs: 60_000, clearsWithinMs: 60_000 }],
  atLeastMs: 0,
}
const initial = { state: 'waiting', startMs: 0, healMs: 0, doneMs: 0, trouble: '' } as const

/** One that is soon given up. */
const hasty: ScenarioRun = {
  ...planned,
  ...initial,
  expected: planned.expected.map(each => ({ ...each, firesWithinMs: 200, clearsWithinMs: 200 })),
}
const times = { lastEvaluation: '', evaluationTime: 0, interval: 15 }

/** A lab whose alert fires from 50 ms after the start of the scenario until it is healed. */
function memoryLab(changes: Partial<AlertLab> = {}) {
  const log: string[] = []
  let startMs: number | undefined
  const isFailing = () => startMs !== undefined && Date.now() > startMs + 50
  const lab: AlertLab = {
    requireThere: () => {},
    rules: async () => {
      const alert = {
        labels: { namespace: 'shop', pod: 'a' },
        annotations: {},
        state: 'firing',
        value: '1',
        activeAt: new Date().toISOString(),
      }
      const alerts = isFailing() ? [alert] : []
      const other = {
        type: 'alerting',
        file: '',
        name: '',
        query: '',
        health: 'ok',
        lastError: '',
        state: '',
        ...times,
      }
      return [{ ...other, group: rule.group, index: 0, alerts }]
    },
    pods: async () => [{ name: 'shop/a', node: 'n1', workloads: [], isOfDeployment: true }],
    async start() {
      log.push('start')
      startMs = Date.now()
    },
    heal() {
      log.push('heal')
      startMs = undefined
    },
    progress: () => (startMs === undefined ? undefined : { appliedMs: startMs }),
    ...changes,
  }
  const saved: SavedRun[] = []
  const run = async (
    signal = new AbortController().signal,
    runs: ScenarioRun[] = [{ ...planned, ...initial }],
    silentMs = 5_000,
  ) => {
    const watch = alertWatch([rule])
    const save = () => {
      saved.push(JSON.parse(JSON.stringify({ key: '', beganMs: 0, tookMs: 0, ...toSave(runs, watch.seen, [rule]) })))
    }
    await runAlertPlan(lab, { runs, nodes: 5, watch, signal, say: line => log.push(line), save, pollMs: 5, silentMs })
    return runs
  }
  return { log, run, saved }
}

const running = suite('runAlertPlan()')

running('heals a scenario when its alert fires, and ends when it is resolved', async () => {
  const { log, run } = memoryLab()
  const [ended] = await run()
  assert.deepEqual([ended?.state, ended?.trouble], ['done', ''])
  assert.deepEqual(
    log.map(line => line.replace(/^.*shop\/a: /, '')),
    ['start', 'started', 'Restarting fires', 'heal', 'heals', 'done'],
  )
})

running('keeps each started and each finished scenario, and does not run a finished one again', async () => {
  const { run, saved } = memoryLab()
  await run()
  assert.deepEqual(
    saved.map(({ runs, seen }) => [runs[0]?.name, runs[0]?.target, runs[0]?.state, seen.length]),
    [
      ['crash-loop', 'shop/a', 'running', 0],
      ['crash-loop', 'shop/a', 'done', 1],
    ],
  )
  const [, last] = saved
  assert(last !== undefined, 'nothing was saved')
  const again: ScenarioRun = { ...planned, ...initial, ...last.runs[0] }
  const other = memoryLab()
  await other.run(undefined, [again])
  assert.deepEqual(other.log, [])
  const [seen] = seenBefore(last, [again], [rule])
  assert.deepEqual([seen?.rule, seen?.by, seen?.labels], [rule, again, { namespace: 'shop', pod: 'a' }])
  assert.equal(typeof seen?.firingMs, 'number')
})

running('goes on after a scenario that ends by itself', async () => {
  const { run } = memoryLab({ progress: () => undefined })
  assert.equal((await run())[0]?.trouble, 'the scenario ended by itself')
})

running('gives up on an alert that does not fire, and on one that stays', async () => {
  const silent = await memoryLab({ rules: async () => [] }).run(undefined, [{ ...hasty }])
  assert.deepEqual([silent[0]?.state, silent[0]?.trouble], ['done', ''])
  const { run } = memoryLab({ heal: () => {}, progress: () => ({ appliedMs: Date.now() - 1_000 }) })
  const stopping = new AbortController()
  // It is never healed.
  setTimeout(() => stopping.abort(new LabError('Stopped')), 400)
  await assert.rejects(run(stopping.signal, [{ ...hasty }]), /Stopped/)
})

running('bears a Prometheus that gives no answer for a while', async () => {
  let calls = 0
  const rules = async () => {
    calls++
    if (calls < 3) throw new LabError('Cannot query Prometheus')
    return []
  }
  assert.equal((await memoryLab({ rules }).run(undefined, [{ ...hasty }]))[0]?.state, 'done')
  const bug = async () => {
    throw new TypeError('a bug')
  }
  await assert.rejects(memoryLab({ rules: bug }).run(), /a bug/)
})

running('bears a Prometheus that a scenario has stopped, as long as it takes', async () => {
  const rules = async () => {
    throw new LabError('Cannot query Prometheus')
  }
  const of = async (name: string) => {
    const expected = [{ name: rule.name, rules: [rule], firesWithinMs: 300, clearsWithinMs: 0 }]
    const runs = [{ ...planned, ...initial, scenario: scenarioNamed(name), expected }]
    return await memoryLab({ rules }).run(undefined, runs, 100)
  }
  assert.equal((await of('prometheus-down'))[0]?.state, 'done')
  await assert.rejects(of('crash-loop'), /Cannot query Prometheus/)
})
running('ends when the lab is taken down, and saves no result of a scenario that ended with it', async () => {
  let isThere = true
  const gone = new LabError('There is no KWOK cluster "lab"')
  const { run, saved } = memoryLab({
    requireThere: () => {
      if (!isThere) throw gone
    },
    rules: async () => [],
    progress: () => {
      isThere = false
      return undefined
    },
  })
  const error = await run().catch((error: unknown) => error)
  assert.equal(error, gone)
  assert.deepEqual(
    saved.flatMap(({ runs }) => runs).filter(({ state }) => state === 'done'),
    [],
  )
})

running.run()
