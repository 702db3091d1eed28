import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, writeFileAtomically } from '../../lab/lab.ts'
import type { ScenarioRun, SeenAlert } from './alert-watch.ts'
import type { AlertRule } from './scaled-rules.ts'

type RunState = Pick<ScenarioRun, 'state' | 'target' | 'startMs' | 'healMs' | 'doneMs' | 'trouble'>

/** A run of verify-alerts in the lab's folder, so that the next one continues it. */
export interface SavedRun {
  /** Of rules, scenarios and settings. Results count only for the same. */
  key: string
  /** When it began (epoch), and how long it has taken so far. */
  beganMs: number
  tookMs: number
  /** The scenarios that have started. */
  runs: readonly (RunState & { name: string })[]
  /** `rule` is the place of the rule in the list of all, `by` that of the scenario in `runs`. */
  seen: readonly (Omit<SeenAlert, 'rule' | 'by'> & { rule: number; by?: number })[]
}

/** Where a run of verify-alerts is kept. Each call of `save` replaces it. */
export function savedRun({ dataDir }: Pick<Lab, 'dataDir'>) {
  const path = join(dataDir, 'verify-alerts.json')
  return {
    read: () => (existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SavedRun) : undefined),
    save: (run: SavedRun) => writeFileAtomically(path, `${JSON.stringify(run)}\n`),
    remove: () => rmSync(path, { force: true }),
  }
}

/** A short text that differs for other rules, scenarios or settings. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/** The started scenarios, and the series of alerts that those which are done explain or that nothing explains. */
export function toSave(
  runs: readonly ScenarioRun[],
  seen: readonly SeenAlert[],
  alerts: readonly AlertRule[],
): Pick<SavedRun, 'runs' | 'seen'> {
  const started = runs.filter(({ state }) => state !== 'waiting')
  return {
    runs: started.map(({ scenario: { name }, target, state, startMs, healMs, doneMs, trouble }) => ({
      name,
      target,
      state,
      startMs,
      healMs,
      doneMs,
      trouble,
    })),
    seen: seen.flatMap(({ rule, by, ...each }) => {
      if (by === 'before' || (by !== undefined && by.state !== 'done')) return []
      return [{ ...each, rule: alerts.indexOf(rule), ...(by === undefined ? {} : { by: started.indexOf(by) }) }]
    }),
  }
}

/** The series of `toSave`, with the rules and the scenarios that they belong to. */
export function seenBefore(
  saved: Pick<SavedRun, 'runs' | 'seen'>,
  runs: readonly ScenarioRun[],
  alerts: readonly AlertRule[],
): SeenAlert[] {
  return saved.seen.flatMap(({ rule: place, by, ...each }) => {
    const rule = alerts[place]
    const name = by === undefined ? undefined : saved.runs[by]?.name
    const { goneMs, firingMs } = each
    if (rule === undefined) return []
    return [{ ...each, rule, firingMs, goneMs, by: runs.find(run => run.scenario.name === name) }]
  })
}
