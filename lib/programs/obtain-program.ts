import { chmodSync } from 'node:fs'
import { LabError } from '../cli/errors.ts'
import { formatElapsed } from '../cli/progress.ts'
import { buildSource, checkDisk, findGo, type GoToolchain } from './build-program.ts'
import { knownSha256 } from './checksums.ts'
import { downloadAsset } from './download-program.ts'
import {
  binaryVariable,
  type CacheOrigin,
  cacheDir,
  cachePath,
  checkProgram,
  type FoundProgram,
  findQuickly,
} from './find-program.ts'
import { oldestGo, pinsHash } from './go-pins.ts'
import { openHttpClient, SourceUnavailableError } from './http-download.ts'
import type { Program, Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'
import { downloadHosts } from './releases.ts'
import { moveIntoCache, withStaging } from './staging.ts'

/** The last of this process's downloads and builds: callers that ask at the same time take turns, and find it done. */
let lastTurn: Promise<unknown> = Promise.resolve()

/** Programs of one source that are neither in the cache nor on PATH. */
export interface ObtainRequest {
  source: Source
  wanted: readonly Program[]
  /** Why the ways before were no good, one line each; those that fail here are added. */
  reasons: string[]
}

/**
 * Downloads official releases, and builds what cannot be downloaded, into the cache. All downloads come first, so that Go and disk space
 * are asked for only as far as something remains to be built, and before the first build.
 *
 * Throws a LabError that lists the ways to a program and why each failed, or what a person must see to: a wrong checksum, a full disk.
 */
export async function obtain(...args: Parameters<typeof obtainNow>): Promise<FoundProgram[]> {
  const turn = lastTurn.then(() => obtainNow(...args))
  lastTurn = turn.catch(() => undefined)
  return turn
}

async function obtainNow(requests: readonly ObtainRequest[], context: Context): Promise<FoundProgram[]> {
  const isMissing = ({ source, wanted }: ObtainRequest) => missingOf(source, wanted, context).length > 0
  for (const request of requests.filter(isMissing)) {
    for (const reason of request.reasons) context.reporter.line(`${titleOf(request.source)}: ${reason}`)
    await tryWay('official release', request, context, () => staged(context, work => download(request, work)))
  }
  const toBuild = requests.filter(isMissing)
  for (const request of toBuild) {
    const found = await tryWay('go build', request, context, () => findGoFor(request.source, context))
    if (!found) throw noWay(request, context)
  }
  if (toBuild.length > 0) checkDisk(toBuild.length, context)
  for (const request of toBuild.filter(isMissing)) {
    const built = await tryWay('go build', request, context, () => staged(context, work => build(request.source, work)))
    if (!built) throw noWay(request, context)
  }
  return requests.flatMap(({ source, wanted }) =>
    wanted.flatMap(program => findQuickly(source, program, context) ?? []),
  )
}

/** Runs one way to the programs; false where it does not lead there, and the reason is kept and said. */
async function tryWay(
  way: string,
  request: ObtainRequest,
  context: Context,
  run: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await run()
    return true
  } catch (error) {
    if (!(error instanceof SourceUnavailableError)) throw error
    request.reasons.push(`${way}: ${error.message}`)
    context.reporter.line(`${titleOf(request.source)}: ${way}: ${error.message}`)
    return false
  }
}

/** Gives a download or a build its folder. What fails because the user interrupts is no failure of the way. */
async function staged(context: Context, body: (work: Work) => Promise<void>): Promise<void> {
  await withStaging(cacheDir(context.env), async (dir, signal) => {
    try {
      await body({ dir, signal, context })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  })
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

async function download({ source, wanted }: ObtainRequest, { dir, signal, context }: Work): Promise<void> {
  const assets = source.assets(source.version, context.platform)
  const { os, arch } = context.platform
  const http = await openHttpClient(context, signal)
  try {
    for (const program of wanted) {
      if (missingOf(source, [program], context).length === 0) continue // came with the one before
      const asset = assets.find(candidate => candidate.members[program.name] !== undefined)
      if (asset === undefined) throw new SourceUnavailableError(`there is none of ${program.name} for ${os}/${arch}`)
      const activity = context.reporter.start(`downloading ${asset.url}`)
      try {
        const { version } = source
        const sha256 = knownSha256(context.knownSums, asset, { version, platform: context.platform })
        const paths = await downloadAsset(asset, dir, { context, http, activity, knownSha256: sha256 })
        await install(source, paths, { release: true }, context)
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

/** Throws a SourceUnavailableError where there are no Go pins, or no Go that builds them. */
async function findGoFor(source: Source, context: Context): Promise<GoToolchain> {
  if (source.go === undefined) throw new SourceUnavailableError('there are no Go pins of it')
  return await findGo(context, source)
}

async function build(source: Source, { dir, signal, context }: Work): Promise<void> {
  const { reporter } = context
  const go = await findGoFor(source, context)
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
    if (problem !== undefined) throw new SourceUnavailableError(`the new ${program.name} ${problem}`)
    const kept = program.inFolder === undefined ? path : path.slice(0, -program.inFolder.length - 1)
    moveIntoCache(kept, cachePath({ name: program.name, version: source.version }, origin, context.env))
  }
}

function titleOf({ name, version }: Source): string {
  return `${name} ${version}`
}

function noWay({ source, wanted, reasons }: ObtainRequest, context: Context): LabError {
  const names = missingOf(source, wanted, context).map(program => program.name)
  const hosts = downloadHosts(source.assets(source.version, { os: 'linux', arch: 'amd64' }))
  const install = source.go === undefined ? '' : `install Go ${oldestGo(source, context)} or newer, or `
  const variables = names.map(binaryVariable).join(', ')
  return new LabError(`Cannot get ${names.join(', ')} ${source.version}`, {
    why: `no way leads there\n${reasons.map(reason => `    ${reason}`).join('\n')}`,
    next: `${install}let this machine download from ${hosts.join(', ')}, or set ${variables}`,
  })
}
