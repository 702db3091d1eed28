import { dockerAnswers } from '../docker/engine.ts'
import { type Lab, readRecord, writeRecord } from './lab.ts'

/** How the parts of a lab run: as containers or as processes. */
export type Runtime = 'docker' | 'binary'

/**
 * A lab's runtime: the one it was created with, else `RUNTIME`. `auto` is what an earlier step has decided, else docker where an engine
 * answers.
 */
export function runtimeOf(lab: Lab): Runtime {
  const { runtime } = lab.settings
  if (runtime !== 'auto') return runtime
  return lab.autoRuntime ?? (dockerAnswers() ? 'docker' : 'binary')
}

/**
 * Decides what `RUNTIME=auto` is. Ignores the decision of an earlier run: the engine may have been started or stopped since. Returns the
 * lab with the decision.
 */
export function decideRuntime(lab: Lab): Lab {
  const decided = { ...lab, autoRuntime: undefined }
  return lab.settings.runtime === 'auto' ? { ...lab, autoRuntime: runtimeOf(decided) } : lab
}

/** Records the decision, so that all steps until the cluster is created use the same runtime. */
export function recordRuntime(lab: Lab): void {
  const { autoRuntime } = lab
  if (autoRuntime !== undefined) writeRecord(lab, { settings: {}, ...readRecord(lab.dir), autoRuntime })
}
