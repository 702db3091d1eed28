import { fields } from '../kube/json.ts'
import { scenarioOf } from '../lab/manifest.ts'
import { annotate, call, type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'

/** How often the object is read, to notice changes by other hands. */
export const HOLD_MS = 5_000

type Fields = Record<string, unknown>

/** What a scenario does with its object beside the annotation. `object` is as it was before the call, `saved` what `keep` gave. */
export interface ObjectActions<Saved extends object> {
  path: (run: ScenarioRun) => string
  /** The message when the object was deleted or replaced, or has ended. */
  goneText: (run: ScenarioRun) => string
  hasEnded?: (object: Fields) => boolean
  /** What is needed to restore the object. Called once, before any change. */
  keep: (run: ScenarioRun, object: Fields) => Saved | Promise<Saved>
  /** What comes before the annotation. */
  prepare?: (run: ScenarioRun) => Promise<void>
  /** Gives the milliseconds until the next call, five seconds by default. */
  hold?: (run: ScenarioRun, object: Fields, saved: Saved) => Promise<number | void>
  undo?: (run: ScenarioRun, object: Fields, saved: Saved) => Promise<void>
}

/** A scenario of one object, which it annotates while it lasts. */
export function annotatedScenario<Saved extends object>(
  actions: ObjectActions<Saved>,
): Pick<Scenario, 'hold' | 'undo'> {
  const { path, goneText, hasEnded, keep, prepare, hold, undo } = actions
  const read = async (run: ScenarioRun) => {
    const object = fields(await call(run.client, 'GET', path(run)))
    return { object, uid: fields(object['metadata'])['uid'] }
  }
  return {
    async hold(run) {
      const { object, uid } = await read(run)
      const isReplaced = run.saved !== undefined && fields(run.saved)['uid'] !== uid
      if (uid === undefined || isReplaced || hasEnded?.(object)) throw new TargetGoneError(goneText(run))
      if (run.saved === undefined) run.save({ uid, ...(await keep(run, object)) })
      await prepare?.(run)
      await annotate(run.client, path(run), object, run.name)
      return (await hold?.(run, object, run.saved as Saved)) ?? HOLD_MS
    },
    async undo(run) {
      if (run.saved === undefined) return
      const { object, uid } = await read(run)
      if (fields(run.saved)['uid'] !== uid || scenarioOf(object) !== run.name) return
      await undo?.(run, object, run.saved as Saved)
      // Last: it says that there is something to restore.
      await annotate(run.client, path(run), object, null)
    },
  }
}
