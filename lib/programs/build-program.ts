import { copyFileSync, mkdirSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { LabError } from '../cli/errors.ts'
import { formatBytes } from '../cli/progress.ts'
import { freeBytes } from '../system/disk.ts'
import type { RunOptions } from '../system/run.ts'
import { cacheDir, onPath } from './find-program.ts'
import { buildArgs, componentPaths, isRecent, moduleDir, oldestGo } from './go-pins.ts'
import { SourceUnavailableError } from './http-download.ts'
import type { Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'
import { oldestTools } from './versions.ts'

/** The output of `go env -json GOVERSION GOFLAGS`. */
const goEnvSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ GOVERSION: v.string(), GOFLAGS: v.optional(v.string(), '') }),
)

/** An installed Go. */
export interface GoToolchain {
  path: string
  /** In Go's form: `go1.26.8`. */
  version: string
  /** The user's GOFLAGS. */
  flags: string
}

/**
 * The Go on PATH. It does not download another version of itself.
 *
 * Throws a SourceUnavailableError when it is missing, or older than the source (else the lab) needs.
 */
export async function findGo(context: Context, source?: Source): Promise<GoToolchain> {
  const path = onPath('go', context.env)
  const oldest = source === undefined ? oldestTools.go : oldestGo(source, context)
  if (path === undefined) throw new SourceUnavailableError(`PATH has no go (Go ${oldest} or newer is required)`)
  const { stdout, stderr } = await context.run(path, ['env', '-json', 'GOVERSION', 'GOFLAGS'], {
    // Inside a module Go might download and report another version.
    cwd: tmpdir(),
    env: { ...context.env, GOTOOLCHAIN: 'local', GOWORK: 'off' },
    timeoutMs: 20_000,
    nothrow: true,
  })
  const read = v.safeParse(goEnvSchema, stdout)
  if (!read.success) throw new SourceUnavailableError(`${path} does not print its version: ${stderr.trim()}`)
  const { GOVERSION: version, GOFLAGS: flags } = read.output
  if (!isRecent(version, oldest)) {
    const by = source === undefined || oldest === oldestTools.go ? '' : ` by ${source.name} ${source.version}`
    throw new SourceUnavailableError(`${path} is ${version}, Go ${oldest} or newer is required${by}`)
  }
  return { path, version, flags }
}

/** The time limit of one build with its downloads, for a slow machine and a slow network. */
export const BUILD_TIMEOUT_MS = 4 * 3_600_000

/**
 * Builds the programs of a source from its pinned Go module; gives the path of each, by name. It ignores the user's `-mod` and `-modfile`, a
 * go.work file and variables for cross-compilation.
 *
 * Throws a LabError with the compiler's message.
 */
export async function buildSource(
  source: Source,
  dir: string,
  options: { context: Context; go: GoToolchain; signal: AbortSignal; onLine: (line: string) => void },
): Promise<Record<string, string>> {
  const { context, go, signal, onLine } = options
  const outputDir = join(dir, 'built')
  mkdirSync(outputDir)
  const names = source.programs.map(program => program.name)
  const pinsDir = moduleDir(source, context)
  const runOptions: RunOptions = { env: goEnv(context, go), onStderrLine: onLine, signal, timeoutMs: BUILD_TIMEOUT_MS }
  const collector = source.go?.kind === 'collector'
  const cwd = collector ? await writeCollectorSource(pinsDir, dir, { context, go, runOptions }) : pinsDir
  const [only] = names
  const output = names.length === 1 && only !== undefined ? join(outputDir, only) : `${outputDir}/`
  await context.run(go.path, buildArgs(source, output), { ...runOptions, cwd })
  return Object.fromEntries(names.map(name => [name, join(outputDir, name)]))
}

/**
 * Downloads the modules that the builds of these sources need, in turn, to be run while another source is built. It leaves a failure to the
 * build, which reports it. Rejects when the signal aborts it.
 */
export async function fetchModules(
  sources: readonly Source[],
  options: { context: Context; go: GoToolchain; signal: AbortSignal },
): Promise<void> {
  const { context, go, signal } = options
  for (const source of sources) {
    const cwd = moduleDir(source, context)
    const collector = source.go?.kind === 'collector' ? source.go.module : undefined
    const packages = collector === undefined ? ['tool'] : [collector, ...componentPaths(source, context)]
    const runOptions = { cwd, env: goEnv(context, go), signal, timeoutMs: BUILD_TIMEOUT_MS, nothrow: true }
    await context.run(go.path, ['list', '-deps', ...packages], runOptions)
  }
}

/**
 * The environment of every go command, for static programs of this platform from the pinned modules. Where the memory suffices for go and a
 * compiler on each core, each collects garbage only above 1 GiB, which saves a tenth of the CPU time, unless the user sets GOGC or GOMEMLIMIT.
 */
export function goEnv(
  { env, platform }: Context,
  { flags }: GoToolchain,
  machine = { memoryBytes: memoryBytes(), cores: availableParallelism() },
): NodeJS.ProcessEnv {
  const isLarge = machine.memoryBytes >= (machine.cores + 2) * 2 ** 30
  const words = flags.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []
  const kept = words.filter(word => !/^['"]?--?mod(file)?(=|$)/.test(word))
  return {
    ...(isLarge && env.GOMEMLIMIT === undefined ? { GOGC: 'off', GOMEMLIMIT: '1GiB' } : {}),
    ...env,
    // Without buildvcs=false a build fails in a git checkout whose owner git does not trust.
    GOFLAGS: [...kept, '-mod=readonly', '-buildvcs=false'].join(' '),
    CGO_ENABLED: '0',
    GO111MODULE: 'on',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    GOOS: platform.os,
    GOARCH: platform.arch,
  }
}

/** The memory of this machine, or of the container that this process runs in. */
function memoryBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** The disk space for a number of builds; all builds of the catalog need buildDiskBytes. */
export function neededBytes(builds: number, context: Context): number {
  const all = context.catalog.filter(source => source.go !== undefined).length
  return Math.ceil((context.buildDiskBytes * builds) / Math.max(all, 1))
}

/** Throws a LabError when the disk is too small for the builds. */
export function checkDisk(builds: number, context: Context): void {
  const needed = neededBytes(builds, context)
  const free = freeBytes(cacheDir(context.env))
  if (free >= needed) return
  throw new LabError('Cannot build the missing programs', {
    why: `the build needs ${formatBytes(needed)} of disk space, ${cacheDir(context.env)} has ${formatBytes(free)} free`,
    next: 'free some disk space, or set XDG_CACHE_HOME to a folder on a larger disk (and GOCACHE, GOMODCACHE, TMPDIR)',
  })
}

async function writeCollectorSource(
  pinsDir: string,
  dir: string,
  { context, go, runOptions }: { context: Context; go: GoToolchain; runOptions: RunOptions },
): Promise<string> {
  const workDir = join(dir, 'collector')
  const sourceDir = join(workDir, 'source') // `output_path` in builder.yaml
  mkdirSync(sourceDir, { recursive: true })
  for (const name of ['builder.yaml', 'go.mod', 'go.sum']) copyFileSync(join(pinsDir, name), join(workDir, name))
  const args = ['tool', 'builder', '--config', 'builder.yaml', '--skip-compilation', '--skip-get-modules']
  await context.run(go.path, args, { ...runOptions, cwd: workDir })
  // The builder writes a go.mod without sums. The pinned files replace it.
  for (const name of ['go.mod', 'go.sum']) copyFileSync(join(pinsDir, name), join(sourceDir, name))
  return sourceDir
}
