import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { missingComponents, pinsHash } from './go-pins.ts'
import type { Program, Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'

/** An installed program. */
export interface FoundProgram {
  name: string
  /** The pinned version. The version of a program from a variable is not checked. */
  version: string
  path: string
  /** `cache` after a download or a build. */
  from: 'variable' | 'cache' | 'path'
}

/** The variable with the path of a program: `KUBE_APISERVER_BINARY`. */
export function binaryVariable(name: string): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_BINARY`
}

/** The origin and path of a program: `cache: /home/me/.cache/…`. */
export function describeFound({ name, from, path }: FoundProgram): string {
  const origins = { variable: binaryVariable(name), cache: 'cache', path: 'PATH' }
  return `${origins[from]}: ${path}`
}

/** The folder of the lab's own programs: `${XDG_CACHE_HOME:-~/.cache}/kube-otel-lab/bin`. */
export function cacheDir(env: NodeJS.ProcessEnv): string {
  const chosen = env.XDG_CACHE_HOME ?? ''
  // The XDG specification requires absolute paths.
  const base = isAbsolute(chosen) ? chosen : join(env.HOME || homedir(), '.cache')
  return join(base, 'kube-otel-lab', 'bin')
}

/** The origin of a program in the cache: a download, or a build from the pins with this hash. */
export type CacheOrigin = { release: true } | { pins: string }

/**
 * The path of a program in the cache: `etcd-3.6.16-release` after a download, `etcd-3.6.16-<hash>` after a build, so that checkouts with
 * different pins use different builds.
 */
export function cachePath(
  { name, version }: Pick<FoundProgram, 'name' | 'version'>,
  origin: CacheOrigin,
  env: NodeJS.ProcessEnv,
): string {
  return join(cacheDir(env), `${name}-${version}-${'pins' in origin ? origin.pins : 'release'}`)
}

/**
 * Finds a program without starting a process: from its variable, then in the cache.
 *
 * Throws a UsageError when the variable is not the path of an executable file.
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

/** The builds of a program in the cache from other pins, one line each. */
function describeUnused(source: Source, program: Program, context: Context): string[] {
  const prefix = `${program.name}-${source.version}-`
  return filesIn(cacheDir(context.env))
    .filter(file => file.startsWith(prefix) && /^[0-9a-f]{12}$/.test(file.slice(prefix.length)))
    .map(file => `cache: ${file} was built from other pins`)
}

/** The names of programs in the cache that this checkout does not use: other versions, other pins. Another checkout may need them. */
export function unusedInCache(context: Context): string[] {
  const programs = context.catalog.flatMap(source => source.programs.map(program => ({ source, program })))
  const inUse = new Set(programs.flatMap(({ source, program }) => cachePaths(source, program, context)))
  const dir = cacheDir(context.env)
  return filesIn(dir).filter(
    file => programs.some(({ program }) => file.startsWith(`${program.name}-`)) && !inUse.has(join(dir, file)),
  )
}

/**
 * An installed program, from its variable, the cache or PATH; else why the cache and PATH do not have it. It starts a process only for a
 * program on PATH, and for a collector from a variable.
 *
 * Throws a UsageError for an invalid variable.
 */
export async function findInstalled(
  { source, program }: { source: Source; program: Program },
  context: Context,
): Promise<FoundProgram | string[]> {
  const quick = findQuickly(source, program, context)
  if (quick !== undefined) return await requireComponents(quick, source, context)
  const onPath = await findOnPath(source, program, context)
  if (typeof onPath === 'object') return onPath
  return [...describeUnused(source, program, context), ...(onPath === 'not on PATH' ? [] : [`PATH: ${onPath}`])]
}

/** Throws a UsageError when a program from a variable lacks components that the lab needs. Any version is accepted. */
async function requireComponents(found: FoundProgram, source: Source, context: Context): Promise<FoundProgram> {
  const missing = found.from === 'variable' ? await missingComponents(found.path, source, context) : []
  if (missing === undefined || missing.length === 0) return found
  const variable = binaryVariable(found.name)
  throw new UsageError(`Cannot run ${found.name}`, {
    why: `${variable}=${found.path} lacks ${missing.join(', ')}`,
    next: `set ${variable} to a program with these components, such as the official release, or unset it`,
  })
}

/** The program on PATH if it has the pinned version, else the reason. It runs the program, within a time limit. */
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

/** Checks version and components of a program; gives the difference, or undefined. */
export async function checkProgram(
  path: string,
  source: Source,
  program: Program,
  context: Context,
): Promise<string | undefined> {
  const { versionArgs = ['--version'], versionPattern } = program
  const { stdout, stderr } = await context.run(path, versionArgs, {
    env: context.env,
    cwd: tmpdir(),
    timeoutMs: context.versionTimeoutMs,
    nothrow: true,
  })
  const version = versionPattern.exec(`${stdout}\n${stderr}`)?.[1]
  if (version === undefined) return `does not print its version with ${versionArgs.join(' ')}`
  if (version !== source.version) return `is version ${version}, not ${source.version}`
  const missing = await missingComponents(path, source, context)
  if (missing === undefined) return 'does not print its components'
  return missing.length === 0 ? undefined : `lacks ${missing.join(', ')}`
}

/** The first executable file of that name on PATH. It skips relative folders, which depend on the working folder. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map(dir => join(dir, name))
    .find(isExecutable)
}

/** The paths in the cache for a download and for a build of a program, in this order. */
function cachePaths(source: Source, { name }: Program, context: Context): string[] {
  const origins: CacheOrigin[] = [{ release: true }]
  if (source.go !== undefined) origins.push({ pins: pinsHash(source, context) })
  return origins.map(origin => cachePath({ name, version: source.version }, origin, context.env))
}

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return [] // does not exist yet
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
