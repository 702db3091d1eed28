import type { Labels, LoadedRule } from '../../prometheus/prometheus-client.ts'
import type { PlannedScenario } from './alert-plan.ts'
import { isInScope, namesObject } from './alert-scope.ts'
import { type AlertRule, emptyPlaces } from './scaled-rules.ts'

/** One run of a planned scenario. Times are epoch milliseconds. */
export interface ScenarioRun extends PlannedScenario {
  state: 'waiting' | 'running' | 'healing' | 'clearing' | 'done'
  startMs: number
  /** When healing began, and when the run was done. */
  healMs: number
  doneMs: number
  /** Why the scenario itself failed. */
  trouble: string
}

/** A series of an alert, from when it began to wait until it was gone. */
export interface SeenAlert {
  rule: AlertRule
  labels: Labels
  /** The scenario that explains it; `before` the first scenario started; undefined: nothing explains it. */
  by: ScenarioRun | 'before' | undefined
  sinceMs: number
  firingMs: number | undefined
  goneMs: number | undefined
  faults: readonly string[]
}

/** Follows the copies of alerts in Prometheus. */
export interface AlertWatch {
  readonly seen: readonly SeenAlert[]
  /** Takes the state of the rules; `runs` is undefined before the first scenario. Returns the series that fire since the last call. */
  observe: (loaded: readonly LoadedRule[], nowMs: number, runs?: readonly ScenarioRun[]) => SeenAlert[]
}

/** How long after a scenario an alert of the whole cluster can be of it, beyond the range of its query. */
const AFTER_MS = 120_000
/** A restarted Prometheus has evaluated each rule after this time. */
const AGAIN_MS = 30_000

/** `earlier` are series that an interrupted run saw. */
export function alertWatch(alerts: readonly AlertRule[], earlier: readonly SeenAlert[] = []): AlertWatch {
  const rules = new Map(alerts.map(rule => [`${rule.group}\0${rule.index}`, rule]))
  const keyOf = ({ rule: { group, index }, labels }: Pick<SeenAlert, 'rule' | 'labels'>) =>
    `${group}\0${index}\0${JSON.stringify(Object.entries(labels).sort())}`
  const seen = [...earlier]
  /** When series from before the first scenario were gone. */
  const gone = new Map<string, number>()
  const present = new Map(earlier.flatMap(each => (each.goneMs === undefined ? [[keyOf(each), each]] : [])))
  return {
    seen,
    observe(loaded, nowMs, runs) {
      const fired: SeenAlert[] = []
      const keys = new Set<string>()
      for (const { group, index, alerts: active } of loaded) {
        const rule = rules.get(`${group}\0${index}`)
        if (rule === undefined) continue
        for (const alert of active) {
          const { labels, state } = alert
          const key = keyOf({ rule, labels })
          keys.add(key)
          let each = present.get(key)
          if (each === undefined) {
            each = {
              rule,
              labels,
              by: undefined,
              sinceMs: Date.parse(alert.activeAt),
              firingMs: undefined,
              goneMs: undefined,
              faults: [],
            }
            present.set(key, each)
            seen.push(each)
          }
          const isAgain = nowMs < (gone.get(key) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS
          each.by ??= runs === undefined || isAgain ? 'before' : explain(rule, labels, runs, nowMs)
          if (state !== 'firing' || each.firingMs !== undefined) continue
          each.firingMs = nowMs
          each.faults = emptyPlaces(rule, alert)
          fired.push(each)
        }
      }
      for (const [key, each] of present) {
        if (keys.has(key)) continue
        each.goneMs = nowMs
        if (each.by === 'before') gone.set(key, nowMs)
        present.delete(key)
      }
      return fired
    },
  }
}

/**
 * The scenario that explains an alert. One that must raise it comes first, then one whose objects the labels name. An alert that names no object
 * can be of any scenario that runs, or has just ended.
 */
export function explain(
  rule: AlertRule,
  labels: Labels,
  runs: readonly ScenarioRun[],
  nowMs: number,
): ScenarioRun | undefined {
  const started = runs.filter(({ state }) => state !== 'waiting').sort((a, b) => b.startMs - a.startMs)
  const isRecent = ({ state, doneMs }: ScenarioRun) => state !== 'done' || nowMs < doneMs + rule.rangeMs + AFTER_MS
  const inScope = ({ scope }: ScenarioRun) => scope !== undefined && isInScope(scope, labels)
  const canAffect = (each: ScenarioRun) => each.scope === undefined || !namesObject(labels)
  const near = started.filter(each => inScope(each) || (canAffect(each) && isRecent(each)))
  const active = near.filter(({ state }) => state !== 'done')
  const expects = (each: ScenarioRun) => each.expected.some(({ rules }) => rules.includes(rule))
  return active.find(expects) ?? active.find(inScope) ?? near.find(inScope) ?? active[0] ?? near[0]
}
