import { join } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { createReporter, type Reporter } from '../cli/progress.ts'
import { type Run, run } from '../system/run.ts'
import { type KnownSums, readKnownSums } from './checksums.ts'
import { catalog, type Program, type Source } from './program-catalog.ts'
import { currentPlatform, type Platform } from './releases.ts'

/** The environment in which programs are found, each option with a default. */
export interface BinariesOptions {
  env?: NodeJS.ProcessEnv
  run?: Run
  platform?: Platform
  catalog?: readonly Source[]
  /** The folder of the Go modules, one folder per source. */
  goModulesDir?: string
  /** The SHA-256 of release files. For other files the publisher's checksum is used. */
  knownSums?: KnownSums
  /** Other servers for the releases: an origin (`https://github.com`) to the base address used instead. */
  origins?: Readonly<Record<string, string>>
  reporter?: Reporter
  /** The time limit of a connection to a download host. */
  connectTimeoutMs?: number
  /** The longest time without data in a transfer. */
  stallTimeoutMs?: number
  /** The number of attempts of a download. */
  tries?: number
  /** The pause before the second attempt. It triples for each further one. */
  retryDelayMs?: number
  /** The longest Retry-After that is obeyed; a longer one ends the attempts. */
  maxWaitMs?: number
  /** The time limit for a program to print its version. */
  versionTimeoutMs?: number
  /** The free bytes that building every program needs; see buildDiskBytes. */
  buildDiskBytes?: number
}

export interface Context extends Required<BinariesOptions> {
  /** Origins without an answer or with an exhausted rate limit, with the reason. They get no more requests in a run. */
  unreachable: Map<string, string>
}

/**
 * The disk space to build every program with empty caches. About 10 GB stay (5.2 GB of Go's build cache, 3.4 GB of modules, 0.9 GB of
 * programs, measured for `make kwok`); the rest is for temporary files and the next version.
 */
export const buildDiskBytes = 20e9

/** Fills in the defaults. */
export function createContext(options: BinariesOptions = {}): Context {
  const env = options.env ?? process.env
  return {
    env,
    run,
    platform: currentPlatform(),
    catalog,
    goModulesDir: join(import.meta.dirname, '..', '..', 'kwok-config', 'go'),
    knownSums: options.knownSums ?? readKnownSums(),
    origins: {},
    reporter: options.reporter ?? createReporter({ stream: process.stderr, env }),
    connectTimeoutMs: 5_000,
    stallTimeoutMs: 30_000,
    tries: 3,
    retryDelayMs: 1_000,
    maxWaitMs: 60_000,
    versionTimeoutMs: 5_000,
    buildDiskBytes,
    unreachable: new Map(),
    ...options,
  }
}

/** The source and entry of a program. Throws a UsageError with the valid names. */
export function catalogEntry(name: string, context: Context): { source: Source; program: Program } {
  for (const source of context.catalog) {
    const program = source.programs.find(candidate => candidate.name === name)
    if (program !== undefined) return { source, program }
  }
  const names = context.catalog.flatMap(source => source.programs.map(program => program.name))
  throw new UsageError(`There is no program "${name}"`, { next: `use one of ${names.join(', ')}` })
}
