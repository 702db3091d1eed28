/**
 * The programs the lab runs, wherever they come from: see lib/binaries/catalog.ts for what they are and
 * lib/binaries/ensure.ts for how each is found, downloaded or built.
 */
export { k3dPrograms, kwokPrograms, type ProgramName } from './binaries/catalog.ts'
export type { BinariesOptions } from './binaries/context.ts'
export { doctorReport } from './binaries/doctor.ts'
export { ensurePrograms, programPath } from './binaries/ensure.ts'
export { binaryVariable, cacheDir, type FoundProgram } from './binaries/find.ts'
export { describeFound, type ProgramPlan, planPrograms } from './binaries/plan.ts'
