import { join } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { createReporter, type Reporter } from '../cli/progress.ts'
import { type Run, run } from '../system/run.ts'
import { type KnownSums, readKnownSums } from './checksums.ts'
import { catalog, type Program, type Source } from './program-catalog.ts'
import { currentPlatform, type Platform } from './releases.ts'

/** Everything that finding a program takes from outside, each with the lab's own default. */
export interface BinariesOptions {
  env?: NodeJS.ProcessEnv
  run?: Run
  platform?: Platform
  catalog?: readonly Source[]
  /** The folder of the Go modules, one folder a source. */
  goModulesDir?: string
  /** SHA-256 of release files; where it has none, the publisher's own file is asked. */
  knownSums?: KnownSums
  /** Other servers for the releases: an origin (`https://github.com`) to the base address used instead. */
  origins?: Readonly<Record<string, string>>
  reporter?: Reporter
  /** How long a download host has to accept a connection. */
  connectTimeoutMs?: number
  /** How long a transfer may bring no byte. */
  stallTimeoutMs?: number
  /** How often a download is tried. */
  tries?: number
  /** The pause before the second try; three times as long before each further one. */
  retryDelayMs?: number
  /** The longest pause that a server can ask for (Retry-After) without ending the tries. */
  maxWaitMs?: number
  /** How long a program has to tell its version. */
  versionTimeoutMs?: number
  /** Free bytes that building everything needs; see buildDiskBytes. */
  buildDiskBytes?: number
}

export interface Context extends Required<BinariesOptions> {
  /** Origins that gave no answer in any try, or allow no more requests, with the reason: not asked again in a run. */
  unreachable: Map<string, string>
}

/**
 * What building every program from empty caches takes at its worst: about 10 GB stay (6.5 GB of Go's build cache, 3.1 GB of modules,
 * 0.8 GB of programs, measured), the rest is the linker's and compiler's temporary files and room for the next version.
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

/** The source and entry of a program; throws a UsageError that lists the names there are. */
export function catalogEntry(name: string, context: Context): { source: Source; program: Program } {
  for (const source of context.catalog) {
    const program = source.programs.find(candidate => candidate.name === name)
    if (program !== undefined) return { source, program }
  }
  const names = context.catalog.flatMap(source => source.programs.map(program => program.name))
  throw new UsageError(`There is no program "${name}"`, { next: `use one of ${names.join(', ')}` })
}
