import { dockerAnswers } from '../docker/engine.ts'
import { type Lab, readRecord, writeRecord } from './lab.ts'

/** How the parts of a lab run. */
export type Runtime = 'docker' | 'binary'

/**
 * A lab's runtime: as it was created, or as it was asked for; with `auto` as an earlier step has decided, else docker where an engine
 * answers.
 */
export function runtimeOf(lab: Lab): Runtime {
  const { runtime } = lab.settings
  if (runtime !== 'auto') return runtime
  return lab.autoRuntime ?? (dockerAnswers() ? 'docker' : 'binary')
}

/**
 * Decides what `RUNTIME=auto` is and records it, so that all steps until the cluster is made take the same. What an earlier run has
 * decided does not count: its engine may have been started or stopped since. Returns the lab with the decision.
 */
export function decideRuntime(lab: Lab): Lab {
  const decided = { ...lab, autoRuntime: undefined }
  return lab.settings.runtime === 'auto' ? { ...lab, autoRuntime: runtimeOf(decided) } : lab
}

/** Records what was decided, for the steps that follow. */
export function recordRuntime(lab: Lab): void {
  const { autoRuntime } = lab
  if (autoRuntime !== undefined) writeRecord(lab, { settings: {}, ...readRecord(lab.dir), autoRuntime })
}
