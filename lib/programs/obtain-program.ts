import { chmodSync } from 'node:fs'
import { LabError } from '../cli/errors.ts'
import { formatElapsed, withProgress } from '../cli/progress.ts'
import { takeLock } from '../system/lock.ts'
import { buildSource, checkDisk, fetchModules, findGo, type GoToolchain } from './build-program.ts'
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

/** The last download or build of this process. Concurrent callers run one after another. */
let lastTurn: Promise<unknown> = Promise.resolve()

/** Programs of one source that are neither in the cache nor on PATH. */
export interface ObtainRequest {
  source: Source
  wanted: readonly Program[]
  /** Why the sources before do not have it, one line each; obtain() adds its own. */
  reasons: string[]
}

/**
 * Downloads official releases into the cache and builds what cannot be downloaded. All downloads come first; then, before the first build,
 * it checks Go and the disk space for the remaining builds.
 *
 * Throws a LabError with the reason of each source when none has the program, and for a wrong checksum or a full disk.
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
    await trySource('official release', request, context, () => staged(context, work => download(request, work)))
  }
  const toBuild = requests.filter(isMissing)
  for (const request of toBuild) {
    const found = await trySource('go build', request, context, () => findGoFor(request.source, context))
    if (!found) throw unavailable(request, context)
  }
  if (toBuild.length > 0) checkDisk(toBuild.length, context)
  const later = new AbortController()
  // Each build reports what it cannot download.
  const fetching = fetchLater(toBuild, later.signal, context).catch(() => undefined)
  try {
    for (const request of toBuild.filter(isMissing)) {
      const isBuilt = await trySource('go build', request, context, () =>
        staged(context, async work => {
          // Another process may have built it in the meantime.
          if (isMissing(request)) await build(request.source, work)
        }),
      )
      if (!isBuilt) throw unavailable(request, context)
    }
  } finally {
    later.abort()
    await fetching
  }
  return requests.flatMap(({ source, wanted }) =>
    wanted.flatMap(program => findQuickly(source, program, context) ?? []),
  )
}

/** Downloads the modules of all builds but the first, while that runs. */
async function fetchLater(requests: readonly ObtainRequest[], signal: AbortSignal, context: Context): Promise<void> {
  const later = requests.slice(1).map(({ source }) => source)
  if (later.length > 0) await fetchModules(later, { context, go: await findGo(context), signal })
}

/** Tries one source of the programs. When it is unavailable, it records and prints the reason and returns false. */
async function trySource(
  name: string,
  request: ObtainRequest,
  context: Context,
  run: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await run()
    return true
  } catch (error) {
    if (!(error instanceof SourceUnavailableError)) throw error
    request.reasons.push(`${name}: ${error.message}`)
    context.reporter.line(`${titleOf(request.source)}: ${name}: ${error.message}`)
    return false
  }
}

/** Longer than all builds together take on a slow machine. */
const TURN_LIMIT_MS = 3 * 3_600_000

/**
 * Runs a download or a build in a folder of its own, while no other process of this machine does: two builds of one program would take
 * twice the time of one. An interruption is not a failure of the source.
 */
async function staged(context: Context, body: (work: Work) => Promise<void>): Promise<void> {
  const dir = cacheDir(context.env)
  await withStaging(dir, async (stagingDir, signal) => {
    const release = await takeLock({
      path: `${dir}.lock`,
      waitMs: TURN_LIMIT_MS,
      onWait: ({ pid, program }) =>
        context.reporter.line(`waiting for ${program} (pid ${pid}), which downloads or builds programs`),
      refusal: ({ pid, program }) =>
        new LabError(`${program} (pid ${pid}) has downloaded or built programs for hours`, {
          next: `end it: kill ${pid}`,
        }),
    })
    try {
      await body({ dir: stagingDir, signal, context })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      release()
    }
  })
}

interface Work {
  dir: string
  signal: AbortSignal
  context: Context
}

/** The wanted programs that are not in the cache now. Another process may add some at any time. */
function missingOf(source: Source, wanted: readonly Program[], context: Context): Program[] {
  return wanted.filter(program => findQuickly(source, program, context) === undefined)
}

async function download({ source, wanted }: ObtainRequest, { dir, signal, context }: Work): Promise<void> {
  const assets = source.assets(source.version, context.platform)
  const { os, arch } = context.platform
  const http = await openHttpClient(context, signal)
  try {
    for (const program of wanted) {
      if (missingOf(source, [program], context).length === 0) continue // from the archive of the one before
      const asset = assets.find(candidate => candidate.members[program.name] !== undefined)
      if (asset === undefined) throw new SourceUnavailableError(`it has no ${program.name} for ${os}/${arch}`)
      const { version } = source
      const sha256 = knownSha256(context.knownSums, asset, { version, platform: context.platform })
      await withProgress(
        `downloading ${asset.url}`,
        async onProgress => {
          const paths = await downloadAsset(asset, dir, { context, http, onProgress, knownSha256: sha256 })
          await install(source, paths, { release: true }, context)
        },
        context.reporter,
      )
      const names = Object.keys(asset.members).join(', ')
      context.reporter.line(`${titleOf(source)}: ${names} downloaded from ${asset.url}, SHA-256 checked`)
    }
  } finally {
    await http.close()
  }
}

/** Throws a SourceUnavailableError without Go pins, or without a Go that can build them. */
async function findGoFor(source: Source, context: Context): Promise<GoToolchain> {
  if (source.go === undefined) throw new SourceUnavailableError('it has no Go pins')
  return await findGo(context, source)
}

async function build(source: Source, { dir, signal, context }: Work): Promise<void> {
  const { reporter } = context
  const go = await findGoFor(source, context)
  const title = titleOf(source)
  reporter.line(`${title}: building with ${go.version}, which can take minutes`)
  const startedAtMs = Date.now()
  // Before the build, in case the pins change during it.
  const pins = pinsHash(source, context)
  await withProgress(
    `building ${source.name}`,
    async onProgress => {
      const onLine = (line: string) => {
        // `go build -v` prints the path of each package that it compiles.
        if (line.startsWith('go: ')) onProgress(line.slice(4))
        else if (/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) onProgress(`compiling ${line}`)
      }
      await install(source, await buildSource(source, dir, { context, go, signal, onLine }), { pins }, context)
    },
    reporter,
  )
  reporter.line(`${title}: built in ${formatElapsed(Date.now() - startedAtMs)}`)
}

/** Checks each new program by running it, and moves it into the cache. */
async function install(
  source: Source,
  paths: Record<string, string>,
  origin: CacheOrigin,
  context: Context,
): Promise<void> {
  // The first start of a large program can be slow, especially on macOS.
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

function unavailable({ source, wanted, reasons }: ObtainRequest, context: Context): LabError {
  const names = missingOf(source, wanted, context).map(program => program.name)
  const hosts = downloadHosts(source.assets(source.version, { os: 'linux', arch: 'amd64' }))
  const install = source.go === undefined ? '' : `install Go ${oldestGo(source, context)} or newer, or `
  const downloads = hosts.length === 0 ? '' : `allow downloads from ${hosts.join(', ')}, or `
  const variables = names.map(binaryVariable).join(', ')
  return new LabError(`Cannot get ${names.join(', ')} ${source.version}`, {
    why: `no source has them\n${reasons.map(reason => `    ${reason}`).join('\n')}`,
    next: `${install}${downloads}set ${variables}`,
  })
}
