import { accessSync, constants, linkSync, readdirSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, delimiter, isAbsolute, join, resolve } from 'node:path'
import { systemErrorCode, UsageError } from '../cli/errors.ts'
import { differenceFromPins, missingComponents, pinsHash } from './go-pins.ts'
import type { Program, Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'

/** A program that is there. */
export interface FoundProgram {
  name: string
  /** The pinned version; a program that a variable names is taken at its word. */
  version: string
  path: string
  /** What was just downloaded or built is in the cache. */
  from: 'variable' | 'cache' | 'path'
}

/** The variable that names a program outright: `KUBE_APISERVER_BINARY`. */
export function binaryVariable(name: string): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_BINARY`
}

/** `cache: /home/me/.cache/…`; where a program that is there came from. */
export function describeFound({ name, from, path }: FoundProgram): string {
  const words = { variable: binaryVariable(name), cache: 'cache', path: 'PATH' }
  return `${words[from]}: ${path}`
}

/** The folder of the lab's own programs: `${XDG_CACHE_HOME:-~/.cache}/kube-otel-lab/bin`. */
export function cacheDir(env: NodeJS.ProcessEnv): string {
  const chosen = env.XDG_CACHE_HOME ?? ''
  // The XDG specification has relative paths ignored.
  const base = isAbsolute(chosen) ? chosen : join(env.HOME || homedir(), '.cache')
  return join(base, 'kube-otel-lab', 'bin')
}

/** Where a program in the cache comes from: a download, or a build from the pins with this hash. */
export type CacheOrigin = { release: true } | { pins: string }

/**
 * Where the cache has, or will have, a program: `etcd-3.6.16-release`, or `etcd-3.6.16-<hash>` when it was built, so that
 * checkouts with different pins have one each and none takes another's.
 */
export function cachePath(
  { name, version }: Pick<FoundProgram, 'name' | 'version'>,
  origin: CacheOrigin,
  env: NodeJS.ProcessEnv,
): string {
  return join(cacheDir(env), `${name}-${version}-${'pins' in origin ? origin.pins : 'release'}`)
}

/**
 * What costs no process: the program's variable, then the cache. Undefined when neither has it.
 *
 * Throws a UsageError when the variable is set and what it names can't be run.
 */
export function findQuickly(source: Source, program: Program, context: Context): FoundProgram | undefined {
  const { name } = program
  const { version } = source
  const variable = binaryVariable(name)
  const named = context.env[variable]
  if (named !== undefined && named !== '') {
    const path = resolve(named)
    if (!isExecutable(path)) {
      throw new UsageError(`Cannot run ${name}`, {
        why: `${variable}=${named} is not an executable file`,
        next: `set ${variable} to the path of ${name} ${version}, or unset it`,
      })
    }
    return { name, version, path, from: 'variable' }
  }
  const path = cachePaths(source, program, context)
    .map(inCache => join(inCache, program.inFolder ?? ''))
    .find(isExecutable)
  return path === undefined ? undefined : { name, version, path, from: 'cache' }
}

/**
 * A program in the cache that is there under the name that it had when the name told the version alone, `etcd-3.6.16`: taken
 * when it says of itself that it was built from the same pins. Costs reading it.
 */
export function findUnmarked(source: Source, program: Program, context: Context): FoundProgram | undefined {
  const { name } = program
  const path = unmarkedPath(source, program, context)
  if (source.go === undefined || !isExecutable(path) || differenceFromPins(path, source, context) !== undefined) {
    return undefined
  }
  return { name, version: source.version, path, from: 'cache' }
}

/** findUnmarked, and gives what it finds its present name beside the old one, so that it is found without reading it. */
export function adoptUnmarked(source: Source, program: Program, context: Context): FoundProgram | undefined {
  const found = findUnmarked(source, program, context)
  if (found === undefined) return undefined
  const path = cachePath(found, { pins: pinsHash(source, context) }, context.env)
  try {
    linkSync(found.path, path)
  } catch (error) {
    // Without links on that disk, or rights, it is read each time.
    if (systemErrorCode(error) !== 'EEXIST') return found
  }
  return { ...found, path }
}

/** What the cache has of a program that is not used, and why not: one line each. */
export function describeUnused(source: Source, program: Program, context: Context): string[] {
  const marked = `${program.name}-${source.version}-`
  const builds = filesIn(cacheDir(context.env)).filter(file => file.startsWith(marked))
  const other = builds.filter(file => /^[0-9a-f]{12}$/.test(file.slice(marked.length)))
  const reasons = other.map(file => `cache: ${file} was built from other pins`)
  const unmarked = unmarkedPath(source, program, context)
  if (source.go === undefined || !isExecutable(unmarked)) return reasons
  const why = differenceFromPins(unmarked, source, context)
  return why === undefined ? reasons : [...reasons, `cache: ${basename(unmarked)} is not of the pins: it ${why}`]
}

/**
 * Programs in the cache that this checkout has no use for: other versions, other pins. Another checkout may need them. Names
 * of one file are one program.
 */
export function unusedInCache(context: Context): { name: string; bytes: number }[] {
  const dir = cacheDir(context.env)
  const names = context.catalog.flatMap(({ programs }) => programs.map(({ name }) => `${name}-`))
  const inUse = context.catalog.flatMap(source =>
    source.programs.flatMap(program => cachePaths(source, program, context)),
  )
  const inodes = new Set(inUse.map(path => statSync(path, { throwIfNoEntry: false })?.ino))
  return filesIn(dir).flatMap(name => {
    const stat = statSync(join(dir, name), { throwIfNoEntry: false })
    if (stat === undefined || inodes.has(stat.ino) || !names.some(each => name.startsWith(each))) return []
    inodes.add(stat.ino)
    return [{ name, bytes: stat.isDirectory() ? bytesBelow(join(dir, name)) : stat.size }]
  })
}

/**
 * Refuses a program that a variable names and that lacks a part which the lab needs. Its version is the user's choice.
 *
 * Throws a UsageError that names what is missing.
 */
export function requireWhole(found: FoundProgram, source: Source, context: Context): FoundProgram {
  const missing = found.from === 'variable' ? missingComponents(found.path, source, context) : []
  if (missing === undefined || missing.length === 0) return found
  const variable = binaryVariable(found.name)
  throw new UsageError(`Cannot run ${found.name}`, {
    why: `${variable}=${found.path} lacks ${missing.join(', ')}`,
    next: `set ${variable} to one that has them, as the official release has, or unset it`,
  })
}

/** The program on PATH when it is the pinned version, else why not. It is run to tell its version, within a time-out. */
export async function findOnPath(source: Source, program: Program, context: Context): Promise<FoundProgram | string> {
  const reasons: string[] = []
  for (const pathName of program.pathNames ?? [program.name]) {
    const path = onPath(pathName, context.env)
    if (path === undefined) continue
    const problem = await checkProgram(path, source, program, context)
    if (problem === undefined) return { name: program.name, version: source.version, path, from: 'path' }
    reasons.push(`${path} ${problem}`)
  }
  return reasons.length === 0 ? 'not on PATH' : reasons.join('; ')
}

/** Asks a program whether it is the one that is wanted; gives what is wrong with it, or undefined. */
export async function checkProgram(
  path: string,
  source: Source,
  program: Program,
  context: Context,
): Promise<string | undefined> {
  const ask = async (args: readonly string[]) => {
    const result = await context.run(path, args, {
      env: context.env,
      cwd: tmpdir(),
      timeoutMs: context.versionTimeoutMs,
      nothrow: true,
    })
    return `${result.stdout}\n${result.stderr}`
  }
  const { versionArgs = ['--version'], versionPattern } = program
  const said = await ask(versionArgs)
  const version = versionPattern.exec(said)?.[1]
  if (version === undefined) return `does not tell its version with ${versionArgs.join(' ')}`
  if (version !== source.version) return `is version ${version}, not ${source.version}`
  const missing = missingComponents(path, source, context)
  if (missing === undefined) return 'does not tell what it is built from'
  return missing.length === 0 ? undefined : `lacks ${missing.join(', ')}`
}

/** The first executable file of that name on PATH. Relative folders are passed over: they mean another place in each step. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map(dir => join(dir, name))
    .find(isExecutable)
}

/** Where the cache would have what was downloaded or built of a program, best first. */
function cachePaths(source: Source, { name }: Program, context: Context): string[] {
  const origins: CacheOrigin[] = [{ release: true }]
  if (source.go !== undefined) origins.push({ pins: pinsHash(source, context) })
  return origins.map(origin => cachePath({ name, version: source.version }, origin, context.env))
}

function unmarkedPath(source: Source, program: Program, context: Context): string {
  return join(cacheDir(context.env), `${program.name}-${source.version}`)
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, path) => {
    const stat = statSync(join(folder, path), { throwIfNoEntry: false })
    return sum + (stat?.isFile() === true ? stat.size : 0)
  }, 0)
}

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return [] // not there yet
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    const stat = statSync(path)
    return stat.isFile() && stat.size > 0
  } catch {
    return false
  }
}
