import { type FoundProgram, findInstalled } from './find-program.ts'
import type { ObtainRequest } from './obtain-program.ts'
import type { ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, catalogEntry, createContext } from './program-options.ts'

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
  const found = await findInstalled(catalogEntry(name, context), context)
  return Array.isArray(found) ? undefined : found.path
}

/** programPath() for several programs. It downloads one release, or builds one Go module, once. */
export async function ensurePrograms<Name extends ProgramName>(
  names: readonly Name[],
  options: BinariesOptions = {},
): Promise<Record<Name, FoundProgram>> {
  const context = createContext(options)
  const entries = names.map(name => catalogEntry(name, context))
  const results = await Promise.all(entries.map(entry => findInstalled(entry, context)))
  const found = new Map<string, FoundProgram>()
  const requests = new Map<Source, ObtainRequest>()
  for (const [index, { source, program }] of entries.entries()) {
    const result = results[index] ?? []
    if (Array.isArray(result)) {
      const { wanted, reasons } = requests.get(source) ?? { wanted: [], reasons: [] }
      requests.set(source, { source, wanted: [...wanted, program], reasons: [...reasons, ...result] })
    } else found.set(program.name, result)
  }
  for (const { wanted, reasons } of requests.values()) {
    const isOnPath = reasons.some(reason => reason.startsWith('PATH: '))
    if (!isOnPath) reasons.push(`PATH: has no ${wanted.map(({ name }) => name).join(', ')}`)
  }
  if (requests.size > 0) {
    // Loaded only here: each step needs programs, but rarely a download or a build.
    const { obtain } = await import('./obtain-program.ts')
    for (const program of await obtain([...requests.values()], context)) found.set(program.name, program)
  }
  return Object.fromEntries(names.map(name => [name, found.get(name)])) as Record<Name, FoundProgram>
}
