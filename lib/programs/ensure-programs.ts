import { describeUnused, type FoundProgram, findOnPath, findQuickly, requireComponents } from './find-program.ts'
import type { Program, ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'

/**
 * The path of a program. The sources in order: its `*_BINARY` variable, the cache, PATH, the official release, a build from the Go pins.
 * The first two start no process, except for a collector that a variable names.
 *
 * Throws a UsageError for an invalid variable, and a LabError with the reason of each source when none has the program.
 */
export async function programPath(name: ProgramName, options: BinariesOptions = {}): Promise<string> {
  const found = await ensurePrograms([name], options)
  return found[name].path
}

/**
 * The path of an installed program, from its variable, the cache or PATH; undefined when it needs a download or a build. Throws a UsageError
 * for an invalid variable.
 */
export async function findProgram(name: ProgramName, options: BinariesOptions = {}): Promise<string | undefined> {
  const context = createContext(options)
  const { source, program } = catalogEntry(name, context)
  const quick = findQuickly(source, program, context)
  if (quick !== undefined) return (await requireComponents(quick, source, context)).path
  const onPath = await findOnPath(source, program, context)
  return typeof onPath === 'object' ? onPath.path : undefined
}

/** programPath() for several programs. It downloads one release, or builds one Go module, once. */
export async function ensurePrograms<Name extends ProgramName>(
  names: readonly Name[],
  options: BinariesOptions = {},
): Promise<Record<Name, FoundProgram>> {
  const context = createContext(options)
  const found = new Map<string, FoundProgram>()
  const missing = new Map<Source, Program[]>()
  for (const name of names) {
    const { source, program } = catalogEntry(name, context)
    const quick = findQuickly(source, program, context)
    if (quick !== undefined) found.set(name, await requireComponents(quick, source, context))
    else missing.set(source, [...(missing.get(source) ?? []), program])
  }
  const searches = await Promise.all(
    [...missing].map(async ([source, programs]) => ({ source, ...(await searchPath(source, programs, context)) })),
  )
  const toObtain = searches.filter(search => search.wanted.length > 0)
  for (const program of searches.flatMap(search => search.found)) found.set(program.name, program)
  if (toObtain.length > 0) {
    // Loaded only here: each step needs programs, but rarely a download or a build.
    const { obtain } = await import('./obtain-program.ts')
    for (const program of await obtain(toObtain, context)) found.set(program.name, program)
  }
  const entries = names.map(name => [name, found.get(name)])
  return Object.fromEntries(entries) as Record<Name, FoundProgram>
}

/** The programs on PATH, the others, and the reasons. */
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
