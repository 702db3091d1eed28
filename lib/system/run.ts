import { $ } from 'zx/core'
import { LabError } from '../cli/errors.ts'

export interface RunOptions {
  cwd?: string
  /** The whole environment of the command; default: this process's. */
  env?: NodeJS.ProcessEnv
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string
  /** After this the command gets TERM, and two seconds later KILL. Default: five minutes. */
  timeoutMs?: number
  /** Ends the command, and what it started, when it is aborted. */
  signal?: AbortSignal
  /** A non-zero exit is a result and not an error. */
  nothrow?: boolean
  /** Called with each line that the command writes to standard error, while it runs. */
  onStderrLine?: (line: string) => void
  /** The same for standard output. */
  onStdoutLine?: (line: string) => void
}

export interface RunResult {
  exitCode: number
  stdout: string
  stderr: string
}

/** The one seam between the lab and the machine: everything that starts a command takes one of these. */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>

/**
 * Runs a command to its end and gives what it printed. Arguments reach it as they are: zx quotes each one.
 *
 * Throws a LabError with the last lines of the command's own stderr when it can't be started, ends with another code than
 * 0 or takes longer than `timeoutMs`. With `nothrow` these are results, and stderr ends with the time that was over.
 */
export const run: Run = async (command, args, options = {}) => {
  const { timeoutMs = 300_000 } = options
  const child = $({
    quiet: true,
    nothrow: true,
    // zx takes an empty input for none and leaves the pipe open: a command that reads would wait for ever.
    ...(options.input ? { input: options.input } : { stdio: ['ignore', 'pipe', 'pipe'] as const }),
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    timeout: timeoutMs,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })`${command} ${args}`
  const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs + 2_000)
  const startedMs = performance.now()
  for (const [stream, onLine] of [
    [child.stderr, options.onStderrLine],
    [child.stdout, options.onStdoutLine],
  ] as const) {
    if (onLine === undefined) continue
    let rest = ''
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    })
  }
  const output = await child
  clearTimeout(killer)
  const exitCode = output.exitCode ?? (output.signal === null ? 1 : 128)
  const isTimedOut = exitCode !== 0 && performance.now() - startedMs >= timeoutMs
  const ending = isTimedOut ? `no end after ${timeoutMs} ms` : `exit code ${exitCode}`
  if (exitCode !== 0 && options.nothrow !== true) {
    const said = lastLines(output.stderr.trim() || output.stdout.trim(), 8)
    throw new LabError(`${command} ${args.slice(0, 3).join(' ')} failed`, {
      why: `${ending}${said === '' ? '' : `\n${said}`}`,
    })
  }
  return { exitCode, stdout: output.stdout, stderr: isTimedOut ? `${output.stderr}${ending}\n` : output.stderr }
}

function lastLines(text: string, count: number): string {
  if (text === '') return ''
  return text
    .split('\n')
    .slice(-count)
    .map(line => `    ${line}`)
    .join('\n')
}
