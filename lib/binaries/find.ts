import { accessSync, constants, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import type { Program, Source } from './catalog.ts'
import type { Context } from './context.ts'

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

/** The folder of the lab's own programs: `${XDG_CACHE_HOME:-~/.cache}/kube-otel-lab/bin`. */
export function cacheDir(env: NodeJS.ProcessEnv): string {
  const chosen = env.XDG_CACHE_HOME ?? ''
  // The XDG specification has relative paths ignored.
  const base = isAbsolute(chosen) ? chosen : join(env.HOME || homedir(), '.cache')
  return join(base, 'kube-otel-lab', 'bin')
}

/** Where the cache has, or will have, a program of this version. */
export function cachePath(name: string, version: string, env: NodeJS.ProcessEnv): string {
  return join(cacheDir(env), `${name}-${version}`)
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
  const path = cachePath(name, version, context.env)
  return isExecutable(path) ? { name, version, path, from: 'cache' } : undefined
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
    return { failed: result.exitCode !== 0, text: `${result.stdout}\n${result.stderr}` }
  }
  const { versionArgs = ['--version'], versionPattern, offers } = program
  const said = await ask(versionArgs)
  const version = versionPattern.exec(said.text)?.[1]
  if (version === undefined) return `does not tell its version with ${versionArgs.join(' ')}`
  if (version !== source.version) return `is version ${version}, not ${source.version}`
  if (offers !== undefined && !offers.pattern.test((await ask(offers.args)).text)) return `lacks ${offers.what}`
  return undefined
}

/** The first executable file of that name on PATH. Relative folders are passed over: they mean another place in each step. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map(dir => join(dir, name))
    .find(isExecutable)
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
