/**
 * The programs the lab runs, wherever they come from: see lib/programs/program-catalog.ts for what they are and
 * lib/programs/ensure-programs.ts for how each is found, downloaded or built.
 */

export { ensurePrograms, findProgram, programPath } from './ensure-programs.ts'
export { describeFound } from './find-program.ts'
export {
  type ControlPlaneProgram,
  controlPlanePrograms,
  dockerPrograms,
  k3dPrograms,
  kwokPrograms,
  type ProgramName,
} from './program-catalog.ts'
