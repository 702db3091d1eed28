import { dockerAnswers } from '../docker/engine.ts'
import type { Lab } from './lab.ts'

/** How the parts of a lab run: as containers or as processes. */
export type Runtime = 'docker' | 'binary'

/** A lab's runtime: the one it was created with, else `RUNTIME`. `auto` is docker where an engine answers; a process asks it once. */
export function runtimeOf(lab: Lab): Runtime {
  const { runtime } = lab.settings
  if (runtime !== 'auto') return runtime
  return dockerAnswers() ? 'docker' : 'binary'
}
