import {
  adoptUnmarked,
  describeUnused,
  type FoundProgram,
  findOnPath,
  findQuickly,
  requireWhole,
} from './find-program.ts'
import type { Program, ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'

/**
 * The path of one program, which is found or made: its `*_BINARY` variable, the cache, PATH, the official release, a build
 * from the Go pins, in this order. Costs no process when one of the first two has it.
 *
 * Throws a UsageError for a variable that names nothing, and a LabError when there is no way: it lists each and why not.
 */
export async function programPath(name: ProgramName, options: BinariesOptions = {}): Promise<string> {
  const found = await ensurePrograms([name], options)
  return found[name].path
}

/**
 * The path of a program that is there already: by its variable, in the cache, or on PATH; undefined where only a download or a build would
 * bring it. Throws a UsageError for a variable that names nothing.
 */
export async function findProgram(name: ProgramName, options: BinariesOptions = {}): Promise<string | undefined> {
  const context = createContext(options)
  const { source, program } = catalogEntry(name, context)
  const quick = findQuickly(source, program, context)
  if (quick !== undefined) return requireWhole(quick, source, context).path
  const onPath = await findOnPath(source, program, context)
  return typeof onPath === 'object' ? onPath.path : undefined
}

/** programPath for several: what comes from one release or one Go module is fetched or built once. */
export async function ensurePrograms<Name extends ProgramName>(
  names: readonly Name[],
  options: BinariesOptions = {},
): Promise<Record<Name, FoundProgram>> {
  const context = createContext(options)
  const found = new Map<string, FoundProgram>()
  const missing = new Map<Source, Program[]>()
  for (const name of names) {
    const { source, program } = catalogEntry(name, context)
    const quick = findQuickly(source, program, context) ?? adoptUnmarked(source, program, context)
    if (quick !== undefined) found.set(name, requireWhole(quick, source, context))
    else missing.set(source, [...(missing.get(source) ?? []), program])
  }
  const searches = await Promise.all(
    [...missing].map(async ([source, programs]) => ({ source, ...(await searchPath(source, programs, context)) })),
  )
  const toObtain = searches.filter(search => search.wanted.length > 0)
  for (const program of searches.flatMap(search => search.found)) found.set(program.name, program)
  if (toObtain.length > 0) {
    // Loaded only here: each step asks for programs, and hardly ever has one to be downloaded or built.
    const { obtain } = await import('./obtain-program.ts')
    for (const program of await obtain(toObtain, context)) found.set(program.name, program)
  }
  const entries = names.map(name => [name, found.get(name)])
  return Object.fromEntries(entries) as Record<Name, FoundProgram>
}

/** Those of the programs that PATH has, those it hasn't, and why. */
async function searchPath(source: Source, programs: readonly Program[], context: Context) {
  const found: FoundProgram[] = []
  const wanted: Program[] = []
  const reasons: string[] = []
  const unused: string[] = []
  const results = await Promise.all(programs.map(program => findOnPath(source, program, context)))
  for (const [index, program] of programs.entries()) {
    const result = results[index]
    if (typeof result === 'object') found.push(result)
    else {
      wanted.push(program)
      unused.push(...describeUnused(source, program, context))
      if (result !== 'not on PATH') reasons.push(`PATH: ${result}`)
    }
  }
  if (reasons.length === 0) reasons.push(`PATH: has no ${wanted.map(program => program.name).join(', ')}`)
  return { found, wanted, reasons: [...unused, ...reasons] }
}
