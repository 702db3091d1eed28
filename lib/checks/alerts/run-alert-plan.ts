import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../cli/errors.ts'
import { formatElapsed } from '../../cli/progress.ts'
import type { LoadedRule } from '../../prometheus/prometheus-client.ts'
import { canStart, longestOf, type PlannedScenario } from './alert-plan.ts'
import type { ScopePod } from './alert-scope.ts'
import { scopeOf } from './alert-scope.ts'
import type { AlertWatch, ScenarioRun, SeenAlert } from './alert-watch.ts'
import type { AlertRule } from './scaled-rules.ts'

/** What running a plan needs from a lab. */
export interface AlertLab {
  /** Throws a LabError when the lab was taken down. */
  requireThere: () => void
  rules: () => Promise<readonly LoadedRule[]>
  pods: () => Promise<readonly ScopePod[]>
  /** Starts a scenario that ends by itself after `lengthMs`; `heal` ends it. */
  start: (planned: PlannedScenario, lengthMs: number) => Promise<void>
  heal: (planned: PlannedScenario) => void
  /** Undefined when the scenario is healed, or has ended. */
  progress: (planned: PlannedScenario) => { appliedMs?: number; trouble?: string } | undefined
}

export interface RunOptions {
  /** Those that are done are not run. */
  runs: readonly ScenarioRun[]
  nodes: number
  /** It has seen the alerts that wait or fire without a scenario. */
  watch: AlertWatch
  signal: AbortSignal
  say: (line: string) => void
  /** Called before a scenario starts, and when it is done. */
  save: () => void
  pollMs?: number
  silentMs?: number
}

/** How long Prometheus or the API server may give no answer, unless a scenario has stopped it. */
const SILENT_MS = 180_000
/** How long a scenario may take to be applied, or healed. */
const HOLDER_MS = 240_000
/** A scenario lasts longer than it is needed; if this process is killed, it ends. */
const SPARE_MS = 600_000

/** Runs scenarios, each as soon as it can start, and follows the alerts. Throws a LabError when the lab is taken down meanwhile. */
export async function runAlertPlan(
  lab: AlertLab,
  { runs, nodes, watch, signal, say, save, pollMs = 1_000, silentMs = SILENT_MS }: RunOptions,
): Promise<void> {
  const beganMs = Date.now()
  const said = new Set<string>()
  /** An alert can fire for many series, again and again. */
  const report = (run: ScenarioRun, text: string) => {
    const line = `${run.scenario.name} on ${run.target}: ${text}`
    if (!said.has(line)) say(`${formatElapsed(Date.now() - beganMs).padStart(12)}  ${line}`)
    said.add(line)
  }
  const isPrometheusDown = () =>
    runs.some(({ scenario, state }) => scenario.only === 'prometheus' && ['running', 'healing'].includes(state))
  const [askPrometheus, askApi] = [patient(silentMs, isPrometheusDown), patient(silentMs)]
  while (runs.some(({ state }) => state !== 'done')) {
    signal.throwIfAborted()
    lab.requireThere()
    await askPrometheus(async () => {
      for (const each of watch.observe(await lab.rules(), Date.now(), runs)) {
        if (typeof each.by === 'object') report(each.by, `${each.rule.name} fires`)
        else if (each.by === undefined) say(`${' '.repeat(12)}  No scenario explains ${nameOf(each)}`)
      }
    })
    await askApi(async () => {
      for (const run of runs) step(run)
      // One at a time, so that the alerts are seen in between.
      const next = runs.find(isNext)
      if (next !== undefined) await start(next)
    })
    await sleep(pollMs, undefined, { signal }).catch(() => {})
  }

  function isNext(run: ScenarioRun): boolean {
    const inState = (...states: ScenarioRun['state'][]) => runs.filter(({ state }) => states.includes(state))
    const [failing, waiting] = [inState('running', 'healing'), inState('waiting')]
    const clearing = inState('clearing').map(each => {
      return { ...each, expected: each.expected.filter(({ rules }) => !isGone(each, rules)) }
    })
    return run.state === 'waiting' && canStart(run, { failing, clearing, waiting, nodes })
  }

  function isGone(run: ScenarioRun, rules: readonly AlertRule[]): boolean {
    return watch.seen.every(alert => !isOf(alert, run, rules) || alert.goneMs !== undefined)
  }

  async function start(run: ScenarioRun): Promise<void> {
    run.scope = scopeOf(run.scenario, run.target, await lab.pods())
    Object.assign(run, { state: 'running', startMs: Date.now() })
    save()
    await lab.start(run, longestOf(run).failsMs + SPARE_MS)
    report(run, 'started')
  }

  function step(run: ScenarioRun): void {
    const nowMs = Date.now()
    const progress = lab.progress(run)
    if (run.state === 'running') {
      if (progress === undefined) run.trouble = 'the scenario ended by itself'
      if (progress?.appliedMs === undefined && nowMs > run.startMs + HOLDER_MS) {
        run.trouble = `the scenario was not applied: ${progress?.trouble ?? 'no answer'}`
      }
      const lastsMs = nowMs - (progress?.appliedMs ?? nowMs)
      const isOver = (each: ScenarioRun['expected'][number]) =>
        lastsMs > each.firesWithinMs ||
        watch.seen.some(alert => isOf(alert, run, each.rules) && alert.firingMs !== undefined)
      if (run.trouble === '' && (lastsMs < run.atLeastMs || !run.expected.every(isOver))) return
      lab.heal(run)
      Object.assign(run, { state: 'healing', healMs: nowMs })
      report(run, run.trouble || 'heals')
    } else if (run.state === 'healing') {
      if (progress !== undefined && nowMs < run.healMs + HOLDER_MS) return
      if (progress !== undefined) run.trouble = `the scenario was not healed: ${progress.trouble ?? 'no answer'}`
      run.state = 'clearing'
    } else if (run.state === 'clearing') {
      const isOver = (each: ScenarioRun['expected'][number]) =>
        nowMs - run.healMs > each.clearsWithinMs || isGone(run, each.rules)
      if (!run.expected.every(isOver)) return
      Object.assign(run, { state: 'done', doneMs: nowMs })
      save()
      report(run, 'done')
    }
  }
}

/** Calls a function that may fail for a while, and while what it asks is down. */
function patient(silentMs: number, isDown = () => false): (work: () => Promise<void>) => Promise<void> {
  let wellMs = Date.now()
  return async work => {
    if (isDown()) wellMs = Date.now()
    try {
      await work()
      wellMs = Date.now()
    } catch (error) {
      if (!(error instanceof LabError) || Date.now() > wellMs + silentMs) throw error
    }
  }
}

export function isOf(alert: SeenAlert, run: ScenarioRun, rules: readonly AlertRule[]): boolean {
  return alert.by === run && rules.includes(alert.rule)
}

/** The alert with the labels that name its object. */
export function nameOf({ rule, labels }: Pick<SeenAlert, 'rule' | 'labels'>): string {
  const shown = Object.entries(labels).filter(([name]) => !/^(alertname|severity|(k8s_)?cluster(_name)?)$/.test(name))
  return `${rule.name}{${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
}
