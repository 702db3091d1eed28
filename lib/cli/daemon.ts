import { type ParseArgsConfig, parseArgs } from 'node:util'
import { describeError, LabError, UsageError } from './errors.ts'

/** What a process that serves until it is told to end is handed. */
export interface Daemon {
  /** Aborted by SIGTERM and SIGINT. */
  signal: AbortSignal
  /** Writes a line to stderr, with the time. */
  log: (line: string) => void
  /** What is still to be done when it is told to end; the process exits with 0 once it is. */
  onStop: (end: () => Promise<void>) => void
}

export interface DaemonOptions<F> {
  /** The text of `--help`. */
  usage: string
  /** Reads the command line; undefined when it asks for help. */
  parseFlags: (args: string[]) => F | undefined
  /** Returns, or throws, when it has started; what it started keeps the process alive. */
  start: (flags: F, daemon: Daemon) => Promise<void>
}

/** Runs this process as one that serves until SIGTERM or SIGINT. What `start` throws ends it: two lines, and an exit code. */
export async function runDaemon<F>({ usage, parseFlags, start }: DaemonOptions<F>): Promise<void> {
  const stopping = new AbortController()
  const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)
  let end = async () => {}
  try {
    const flags = parseFlags(process.argv.slice(2))
    if (flags === undefined) {
      process.stdout.write(usage)
      return
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        log(`${name}: ending`)
        stopping.abort()
        end().then(() => process.exit(0))
      })
    }
    const onStop = (act: typeof end) => {
      end = act
    }
    await start(flags, { signal: stopping.signal, log, onStop })
  } catch (error) {
    // What was under way when it was told to end fails.
    if (stopping.signal.aborted) return
    log(describeError(error))
    process.exit(error instanceof LabError ? error.exitCode : 1)
  }
}

/** Writes a line unless one about the same was written; of a thousand things, no more. */
export function sayOnce(log: (line: string) => void): (about: string, line?: string) => void {
  const said = new Set<string>()
  return (about, line = about) => {
    if (said.size >= 1_000 || said.has(about)) return
    said.add(about)
    log(line)
  }
}

/** The flags of a command line by name, and nothing else. Throws a UsageError that says what can't start and why. */
export function strictFlags<T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  { what, options }: { what: string; options: T },
) {
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(`Cannot start ${what}`, { why: error instanceof Error ? error.message : String(error) })
  }
}
