import { spawnSync } from 'node:child_process'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { type RunOptions, type RunResult, run } from '../system/run.ts'

/**
 * Runs the docker command.
 *
 * Throws a LabError when no engine answers or the command fails. With `nothrow` only when there is no docker command.
 */
export async function docker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await run('docker', args, { timeoutMs: 120_000, ...options, nothrow: true })
  if (result.exitCode === 0 || options.nothrow === true) return result
  throw dockerError(args, result)
}

/** The error for a docker command that failed. */
export function dockerError(args: readonly string[], { exitCode, stderr }: RunResult): LabError {
  const why = stderr.trim().split('\n').slice(0, 4).join(' ').slice(0, 600) || `exit code ${exitCode}`
  if (isEngineDown(stderr)) {
    return new LabError('No Docker engine answers', {
      why,
      next: 'start it, or select another with DOCKER_HOST or docker context use; RUNTIME=binary needs none',
    })
  }
  return new LabError(`docker ${args.slice(0, 2).join(' ')} failed`, { why })
}

/** Whether a command failed because no engine answers, by its stderr. */
export function isEngineDown(stderr: string): boolean {
  return /cannot connect to the docker daemon|error during connect|connection refused|is the docker daemon running/i.test(
    stderr,
  )
}

let answers: boolean | undefined

/** Whether a Docker engine answers. Checked once in a process; `log` gets a line when the engine takes longer than two seconds. */
export function dockerAnswers(
  log: (line: string) => void = line => void process.stderr.write(`${line}\n`),
  { slowMs = 2_000, limitMs = 30_000 } = {},
): boolean {
  answers ??= askEngine(log, slowMs, limitMs)
  return answers
}

function askEngine(log: (line: string) => void, slowMs: number, limitMs: number): boolean {
  const ask = (timeout: number) =>
    spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
      timeout,
      killSignal: 'SIGKILL',
      stdio: 'ignore',
    })
  const first = ask(slowMs)
  if (systemErrorCode(first.error) !== 'ETIMEDOUT') return first.status === 0
  log(`Waiting for the Docker engine, which has not answered in ${slowMs / 1_000} s (RUNTIME=binary needs none)`)
  const second = ask(limitMs)
  if (systemErrorCode(second.error) === 'ETIMEDOUT') {
    log(`The Docker engine has not answered in ${limitMs / 1_000} s: RUNTIME=auto selects the binary runtime`)
  }
  return second.status === 0
}
