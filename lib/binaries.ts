/**
 * The programs the lab runs, wherever they come from: see lib/binaries/catalog.ts for what they are and
 * lib/binaries/ensure.ts for how each is found, downloaded or built.
 */
export {
  type ControlPlaneProgram,
  controlPlanePrograms,
  k3dPrograms,
  kwokPrograms,
  type ProgramName,
} from './binaries/catalog.ts'
export { ensurePrograms, findProgram, programPath } from './binaries/ensure.ts'
export { describeFound } from './binaries/find.ts'
