import type { Server } from 'node:net'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { describeError, LabError, messageOf, systemErrorCode, UsageError } from './errors.ts'
import { type IpRange, ipRange } from './ip-range.ts'

/** The environment of a long-running process. */
export interface Daemon {
  /** Aborted by SIGTERM and SIGINT. */
  signal: AbortSignal
  /** Writes a line with the time to stderr. */
  log: (line: string) => void
  /** Sets the cleanup that runs on SIGTERM and SIGINT; then the process exits with 0. */
  onStop: (cleanUp: () => Promise<void>) => void
}

export interface DaemonOptions<F> {
  /** The text of `--help`. */
  usage: string
  /** Parses the command line; undefined for `--help`. */
  parseFlags: (args: string[]) => F | undefined
  /** Resolves when the process has started; its servers and timers keep it alive. */
  start: (flags: F, daemon: Daemon) => Promise<void>
}

/** Runs this process until SIGTERM or SIGINT. An error of `start` ends it with a message and an exit code. */
export async function runDaemon<F>({ usage, parseFlags, start }: DaemonOptions<F>): Promise<void> {
  const stopping = new AbortController()
  const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)
  let cleanUp = async () => {}
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
        cleanUp().then(() => process.exit(0))
      })
    }
    const onStop = (given: typeof cleanUp) => {
      cleanUp = given
    }
    await start(flags, { signal: stopping.signal, log, onStop })
  } catch (error) {
    // The signal makes unfinished work fail.
    if (stopping.signal.aborted) return
    log(describeError(error))
    process.exit(error instanceof LabError ? error.exitCode : 1)
  }
}

/** Resolves when a server listens at an address, or at a Unix socket. Throws a LabError when it cannot. */
export async function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  try {
    // A thousand scrapes can start at once, and a Unix socket refuses connections beyond its backlog. Linux allows as many by default.
    const options = { ...where, backlog: 4_096 }
    await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(options, resolve))
  } catch (error) {
    const isTaken = 'port' in where && systemErrorCode(error) === 'EADDRINUSE'
    throw new LabError(`Cannot listen on ${'path' in where ? where.path : `${where.host}:${where.port}`}`, {
      why: isTaken ? `port ${where.port} is in use` : messageOf(error),
      next: isTaken ? 'name a free port, or stop the process that uses this one' : undefined,
      cause: error,
    })
  }
}

/** Logs one line for each subject, and for at most a thousand subjects. */
export function logOnce(log: (line: string) => void): (subject: string, line?: string) => void {
  const logged = new Set<string>()
  return (subject, line = subject) => {
    if (logged.size >= 1_000 || logged.has(subject)) return
    logged.add(subject)
    log(line)
  }
}

/** The flags of a command line by name. Throws a UsageError for anything else. */
export function strictFlags<T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  { what, options }: { what: string; options: T },
) {
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(`Cannot start ${what}`, { why: messageOf(error) })
  }
}

/** Flags as the words of a command line; those that are undefined are left out. */
export function flagArgs(flags: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
}

/** The value of `--port`. Throws a UsageError when it is no port; 0 is any. */
export function portFlag(text = ''): number {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`Cannot use --port ${text}`, { next: 'give a number from 0 to 65535' })
}

/** The value of `--node-range`. Throws a UsageError when it is no range of addresses. */
export function nodeRangeFlag(text: string): IpRange {
  const range = ipRange(text)
  if (range !== undefined) return range
  throw new UsageError(`Cannot use --node-range ${text}`, { next: 'give an IPv4 range like 198.18.0.0/16' })
}

/** The longest path of a Unix socket, in bytes (unix(7)). */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** The value of a flag with the path of a Unix socket. Throws a UsageError when it is missing or too long. */
export function socketFlag(flag: string, path = ''): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > 0 && bytes <= MAX_SOCKET_PATH_BYTES) return path
  throw new UsageError(`Cannot use --${flag} ${path}`, {
    why: `the path of a Unix socket has 1 to ${MAX_SOCKET_PATH_BYTES} bytes, this one has ${bytes}`,
    next: `name a path of at most ${MAX_SOCKET_PATH_BYTES} bytes`,
  })
}
