import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { $ as zx } from 'zx/core'
import { LabError } from '../cli/errors.ts'

export interface RunOptions {
  cwd?: string
  /** The whole environment of the command; default: this process's. */
  env?: NodeJS.ProcessEnv
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string
  /** After this time the command gets TERM, and two seconds later KILL. Default: five minutes. */
  timeoutMs?: number
  /** Ends the command and its children when aborted. */
  signal?: AbortSignal
  /** A non-zero exit code is a result, not an error. */
  nothrow?: boolean
  /** Called with each line of standard error while the command runs. */
  onStderrLine?: (line: string) => void
  /** The same for standard output. */
  onStdoutLine?: (line: string) => void
}

export interface RunResult {
  exitCode: number
  stdout: string
  stderr: string
}

/** Runs one command. Code that takes one of these as a parameter is tested without the command. */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>

/** A value in a command: one argument, or each item of a list as an argument of its own. */
type Value = string | number | readonly string[]
type Command<T> = (pieces: TemplateStringsArray, ...values: Value[]) => T

/**
 * zx's `$` with the lab's defaults: it prints nothing, closes standard input, ends the command after five minutes and throws a LabError with the
 * last lines of stderr. With `nothrow` a failure is a result, and a time-out is the last line of its stderr. zx quotes each value.
 *
 *     await $`${kubectl} get nodes -o name`
 *     await $({ timeoutMs: 900_000 })`${kubectl} rollout status deployment -n ${namespace}`
 */
export function $(pieces: TemplateStringsArray, ...values: Value[]): Promise<RunResult>
export function $(options: RunOptions): Command<Promise<RunResult>>
export function $(
  first: TemplateStringsArray | RunOptions,
  ...values: Value[]
): Promise<RunResult> | Command<Promise<RunResult>> {
  if ('raw' in first) return runCommand({}, first, values)
  return (pieces, ...others) => runCommand(first, pieces, others)
}

/** `$` for a command and its arguments. */
export const run: Run = (command, args, options = {}) => $(options)`${command} ${args}`

async function runCommand(
  options: RunOptions,
  pieces: TemplateStringsArray,
  values: readonly Value[],
): Promise<RunResult> {
  const { timeoutMs = 300_000 } = options
  const child = zx({
    quiet: true,
    nothrow: true,
    // zx treats an empty input as no input and leaves the pipe open: a command that reads would never end.
    ...(options.input ? { input: options.input } : { stdio: ['ignore', 'pipe', 'pipe'] as const }),
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    timeout: timeoutMs,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })(pieces, ...values)
  const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs + 2_000)
  const startedMs = performance.now()
  for (const [stream, onLine] of [
    [child.stderr, options.onStderrLine],
    [child.stdout, options.onStdoutLine],
  ] as const) {
    if (onLine !== undefined) createInterface({ input: stream }).on('line', onLine)
  }
  const output = await child
  clearTimeout(killer)
  const exitCode = output.exitCode ?? (output.signal === null ? 1 : 128)
  const isTimedOut = exitCode !== 0 && performance.now() - startedMs >= timeoutMs
  const ending = isTimedOut ? `no end after ${timeoutMs} ms` : `exit code ${exitCode}`
  if (exitCode !== 0 && options.nothrow !== true) {
    const lines = lastLines(output.stderr.trim() || output.stdout.trim(), 8)
    throw new LabError(`${shortCommand(pieces, values)} failed`, { why: [ending, ...lines].join('\n    ') })
  }
  return { exitCode, stdout: output.stdout, stderr: isTimedOut ? `${output.stderr}${ending}\n` : output.stderr }
}

/** A command with its first three arguments; of a command that is a list only the program, without its folder. */
function shortCommand(pieces: TemplateStringsArray, [command = '', ...values]: readonly Value[]): string {
  const [before = '', ...rest] = pieces
  const program = typeof command === 'object' ? basename(command[0] ?? '') : command
  const args = rest.flatMap((piece, at) => [...piece.trim().split(/\s+/), values[at] ?? []].flat())
  const shown = [before, program, ...args].filter(word => word !== '')
  return shown.slice(0, 4).join(' ')
}

function lastLines(text: string, count: number): string[] {
  return text === '' ? [] : text.split('\n').slice(-count)
}
