import { chmodSync } from 'node:fs'
import { LabError } from '../errors.ts'
import { formatElapsed } from '../progress.ts'
import { buildSource, checkDisk, findGo } from './build.ts'
import type { Program, Source } from './catalog.ts'
import type { Context } from './context.ts'
import { downloadAsset } from './download.ts'
import {
  binaryVariable,
  type CacheOrigin,
  cacheDir,
  cachePath,
  checkProgram,
  type FoundProgram,
  findQuickly,
} from './find.ts'
import { openHttpClient, WayError } from './http.ts'
import { oldestGo, pinsHash } from './pins.ts'
import { moveIntoCache, withStaging } from './staging.ts'

/** The last of this process's downloads and builds: callers that ask at the same time take turns, and find it done. */
let lastTurn: Promise<unknown> = Promise.resolve()

/** What obtain takes besides the source and the programs wanted of it. */
export interface ObtainOptions {
  context: Context
  /** Why the ways before were no good, one line each; those that fail here are added. */
  reasons: string[]
  /** Sources that may have to be built in this run, this one included: the disk must have room for all of them. */
  buildsLeft: number
}

/**
 * Downloads the official release of a source, or builds it, and puts what is wanted of it into the cache.
 *
 * Throws a LabError that lists each way and why it failed, or what a person must see to: a wrong checksum, a full disk.
 */
export async function obtain(...args: Parameters<typeof obtainNow>): Promise<FoundProgram[]> {
  const turn = lastTurn.then(() => obtainNow(...args))
  lastTurn = turn.catch(() => undefined)
  return turn
}

async function obtainNow(
  source: Source,
  wanted: readonly Program[],
  { context, reasons, buildsLeft }: ObtainOptions,
): Promise<FoundProgram[]> {
  const { reporter } = context
  const title = titleOf(source)
  if (missingOf(source, wanted, context).length === 0) return cached(source, wanted, context)
  for (const reason of reasons) reporter.line(`${title}: ${reason}`)
  return withStaging(cacheDir(context.env), async (dir, signal) => {
    const work = { dir, signal, context }
    const giveUp = (way: string, error: unknown) => {
      if (!(error instanceof WayError) || signal.aborted) throw error
      reasons.push(`${way}: ${error.message}`)
      reporter.line(`${title}: ${way}: ${error.message}`)
    }
    try {
      await download(source, wanted, work)
    } catch (error) {
      giveUp('official release', error)
    }
    try {
      if (missingOf(source, wanted, context).length > 0) await build(source, { ...work, buildsLeft })
    } catch (error) {
      giveUp('go build', error)
    }
    const still = missingOf(source, wanted, context)
    if (still.length > 0) throw noWay(source, still, { reasons, context })
    return cached(source, wanted, context)
  })
}

function cached(source: Source, wanted: readonly Program[], context: Context): FoundProgram[] {
  return wanted.flatMap(program => findQuickly(source, program, context) ?? [])
}

interface Work {
  dir: string
  signal: AbortSignal
  context: Context
}

/** The wanted programs that the cache lacks. Asked anew after each way: another run may have brought them meanwhile. */
function missingOf(source: Source, wanted: readonly Program[], context: Context): Program[] {
  return wanted.filter(program => findQuickly(source, program, context) === undefined)
}

async function download(source: Source, wanted: readonly Program[], { dir, signal, context }: Work): Promise<void> {
  const assets = source.assets(source.version, context.platform)
  const { os, arch } = context.platform
  const http = await openHttpClient(context, signal)
  try {
    for (const program of wanted) {
      if (missingOf(source, [program], context).length === 0) continue // came with the one before
      const asset = assets.find(candidate => candidate.members[program.name] !== undefined)
      if (asset === undefined) throw new WayError(`there is none of ${program.name} for ${os}/${arch}`)
      const activity = context.reporter.start(`downloading ${asset.url}`)
      try {
        await install(source, await downloadAsset(asset, dir, { context, http, activity }), { release: true }, context)
      } finally {
        activity.end()
      }
      const names = Object.keys(asset.members).join(', ')
      context.reporter.line(`${titleOf(source)}: ${names} downloaded from ${asset.url}, SHA-256 checked`)
    }
  } finally {
    await http.close()
  }
}

async function build(
  source: Source,
  { dir, signal, context, buildsLeft }: Work & { buildsLeft: number },
): Promise<void> {
  const { reporter } = context
  if (source.go === undefined) throw new WayError('there are no Go pins of it')
  const go = await findGo(context, source)
  checkDisk(buildsLeft, context)
  const title = titleOf(source)
  reporter.line(`${title}: building with ${go.version}, which can take minutes`)
  const startedAtMs = Date.now()
  const activity = reporter.start(`building ${source.name}`)
  try {
    const onLine = (line: string) => {
      // `go build -v` names each package as it compiles it, and nothing else has its shape.
      if (line.startsWith('go: ')) activity.detail(line.slice(4))
      else if (/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) activity.detail(`compiling ${line}`)
    }
    // Asked before: pins that are changed while it builds are not what it is built from.
    const pins = pinsHash(source, context)
    await install(source, await buildSource(source, dir, { context, go, signal, onLine }), { pins }, context)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    activity.end()
  }
  reporter.line(`${title}: built in ${formatElapsed(Date.now() - startedAtMs)}`)
}

/** Runs each new program once, and puts it into the cache when it is what is wanted. */
async function install(
  source: Source,
  paths: Record<string, string>,
  origin: CacheOrigin,
  context: Context,
): Promise<void> {
  // The first start of a program of 100 MB can be slow, on macOS above all.
  const patient = { ...context, versionTimeoutMs: Math.max(context.versionTimeoutMs, 30_000) }

  for (const program of source.programs) {
    const path = paths[program.name]
    if (path === undefined) continue
    chmodSync(path, 0o755)
    const problem = await checkProgram(path, source, program, patient)
    if (problem !== undefined) throw new WayError(`the new ${program.name} ${problem}`)
    const kept = program.inFolder === undefined ? path : path.slice(0, -program.inFolder.length - 1)
    moveIntoCache(kept, cachePath({ name: program.name, version: source.version }, origin, context.env))
  }
}

function titleOf({ name, version }: Source): string {
  return `${name} ${version}`
}

function noWay(
  source: Source,
  missing: readonly Program[],
  { reasons, context }: Pick<ObtainOptions, 'reasons' | 'context'>,
): LabError {
  const names = missing.map(program => program.name)
  const assets = source.assets(source.version, { os: 'linux', arch: 'amd64' })
  const hosts = new Set(assets.flatMap(asset => [asset.url, asset.checksum.url]).map(url => new URL(url).host))
  const install = source.go === undefined ? '' : `install Go ${oldestGo(source, context)} or newer, or `
  const variables = names.map(binaryVariable).join(', ')
  return new LabError(`Cannot get ${names.join(', ')} ${source.version}`, {
    why: `no way leads there\n${reasons.map(reason => `    ${reason}`).join('\n')}`,
    next: `${install}let this machine download from ${[...hosts].join(', ')}, or set ${variables}`,
  })
}
