import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from '../lab/lab.ts'
import { serviceEnvironment } from '../system/environment.ts'
import { childrenOf, endProcessGroup, type ProcessInfo, processInfos, signalProcess } from '../system/processes.ts'
import { waitUntil } from '../system/wait.ts'

/** How a service is started. */
export interface ServiceSpec {
  name: string
  command: string
  args: readonly string[]
  /** Added to what every service gets of the user's environment. */
  env?: Readonly<Record<string, string>>
  /** It is started again a second after it has ended, until it is stopped. */
  isSupervised?: boolean
  /** It runs kubectl, otelcol or docker, and gets the variables by which these are found. */
  runsTools?: boolean
  /** The text of files that it reads only when it starts: a change restarts it. */
  contents?: string
  /** Whether the service answers; polled after the start. */
  ready: () => Promise<boolean>
  /** How long it may take to answer; `READY_TIMEOUT_MS` by default. */
  readyTimeoutMs?: number
}

/** The present state of a service. */
export interface ServiceState {
  name: string
  /** The process, when it runs and belongs to this lab. */
  process: ProcessInfo | undefined
  /** It was started and not stopped since. */
  isWanted: boolean
  logFile: string
}

/** The file that identifies the process of a started service. */
interface PidFile {
  /** Of a supervised service, the shell that starts it again. */
  pid: number
  /** When the process was started, as in `StartedProcess`. */
  started: string
  /** How it was started; another spec requires a restart. */
  spec: string
  isSupervised?: boolean
}

/**
 * Starts a command again and again, as long as the pid file is there: without it the lab's folder was deleted. It dies of a signal to the
 * group, as the command does.
 */
const SUPERVISOR = 'while :; do "$@"; echo "ended with $?, starting again"; sleep 1; [ -e "$0" ] || exit 1; done'

/** Runs services: as processes here, as containers in container-services.ts. */
export interface ServiceRunner<Spec = ServiceSpec> {
  /**
   * Starts the service unless it runs with the same spec, and waits until it answers. One with another spec is stopped first. Returns
   * whether it was started.
   *
   * Throws a LabError with the end of its log when it ends or does not answer in time.
   */
  ensure: (spec: Spec) => Promise<boolean>
  /** Ends the service if it runs; returns whether it did. */
  stop: (name: string) => Promise<boolean>
  state: (name: string) => Promise<ServiceState>
  /** Sends a signal to a running service; false when it does not run. */
  signal: (name: string, signal: NodeJS.Signals) => Promise<boolean>
}

/** On a busy machine a service that answers within seconds has taken half a minute. */
export const READY_TIMEOUT_MS = 60_000

/** What is known of a service that has an empty log. */
export const emptyLog = {
  why: 'it has written nothing to its log yet; the machine may be busy',
  next: 'run this again',
}

/** A larger log is truncated when its service is started. */
const LOG_BYTES_KEPT = 16 * 2 ** 20

/** Services as processes of this machine: detached from the terminal, with a log file and a pid file. */
export function processServices(lab: Lab): ServiceRunner {
  const pidPath = (name: string) => servicePidPath(lab, name)
  const logPath = (name: string) => join(lab.logsDir, `${name}.log`)

  async function state(name: string): Promise<ServiceState> {
    const leader = await leaderOf(name)
    const recorded = readPidFile(pidPath(name))
    const isSupervised = leader !== undefined && recorded?.isSupervised === true
    const process = isSupervised ? await supervised(leader) : leader
    return { name, process, isWanted: recorded !== undefined, logFile: logPath(name) }
  }

  /** The process that the lab has started, while it runs. */
  async function leaderOf(name: string): Promise<ProcessInfo | undefined> {
    const recorded = readPidFile(pidPath(name))
    if (recorded === undefined) return undefined
    const info = (await processInfos([recorded.pid])).get(recorded.pid)
    // After a reboot, or a long time, a pid may belong to another process, which was started at another time.
    return info?.started === recorded.started ? info : undefined
  }

  async function stop(name: string): Promise<boolean> {
    const process = await leaderOf(name)
    // The process group: a wrapper script that runs the program without exec ends on TERM, and its program does not.
    if (process !== undefined) await endProcessGroup(process.pid, 8_000)
    rmSync(pidPath(name), { force: true })
    return process !== undefined
  }

  async function start(spec: ServiceSpec): Promise<void> {
    ensureLabDirs(lab)
    const log = openSync(logPath(spec.name), isLarge(logPath(spec.name)) ? 'w' : 'a', 0o600)
    const release = deferSignals()
    let child: ChildProcess | undefined
    try {
      const isSupervised = spec.isSupervised === true
      const [command, args] = isSupervised
        ? ['/bin/sh', ['-c', SUPERVISOR, pidPath(spec.name), spec.command, ...spec.args]]
        : [spec.command, [...spec.args]]
      const started = spawn(command, args, {
        cwd: lab.dir,
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...serviceEnvironment(process.env, spec), ...spec.env },
      })
      const failure = await new Promise<Error | undefined>(resolve => {
        started.once('error', resolve)
        started.once('spawn', () => resolve(undefined))
      })
      child = started
      const { pid } = started
      if (failure !== undefined || pid === undefined) {
        throw new LabError(`Cannot start ${spec.name}`, { why: failure?.message, cause: failure })
      }
      started.unref()
      const info = (await processInfos([pid])).get(pid)
      if (info === undefined) throw endedEarly(spec.name, logPath(spec.name))
      const recorded: PidFile = { pid, started: info.started, spec: specText(spec), isSupervised }
      writeFileAtomically(pidPath(spec.name), `${JSON.stringify(recorded, null, 2)}\n`)
    } catch (error) {
      // Without a pid file nothing would stop it.
      if (child?.pid !== undefined) signalProcess(-child.pid, 'SIGKILL')
      throw error
    } finally {
      closeSync(log)
      release()
    }
  }

  async function waitUntilReady(spec: ServiceSpec): Promise<void> {
    const logFile = logPath(spec.name)
    await waitUntil({
      what: `${spec.name} to answer`,
      timeoutMs: spec.readyTimeoutMs ?? READY_TIMEOUT_MS,
      everyMs: 100,
      check: async () => {
        const isReady = await spec.ready()
        // After the check: another program may have answered.
        if ((await leaderOf(spec.name)) === undefined) return { failed: endedEarly(spec.name, logFile) }
        return isReady ? { done: undefined } : { pending: logReport(logFile).why }
      },
      next: () => logReport(logFile).next,
    })
  }

  async function ensure(spec: ServiceSpec): Promise<boolean> {
    const running = (await leaderOf(spec.name)) !== undefined
    if (running && readPidFile(pidPath(spec.name))?.spec === specText(spec)) {
      if (!(await spec.ready())) await waitUntilReady(spec)
      return false
    }
    await stop(spec.name)
    await start(spec)
    await waitUntilReady(spec)
    return true
  }

  async function signal(name: string, signalName: NodeJS.Signals): Promise<boolean> {
    const { process } = await state(name)
    return process !== undefined && signalProcess(process.pid, signalName)
  }

  return { ensure, stop, state, signal }
}

/** The pid file of a service. Without it a supervised service is not started again. */
export function servicePidPath(lab: Lab, name: string): string {
  return join(lab.pidsDir, `${name}.json`)
}

/** Whether the process of a service that runs now has written its pid to a file. */
export async function wroteItsPid(lab: Lab, name: string, path: string): Promise<boolean> {
  const { process } = await processServices(lab).state(name)
  return process !== undefined && existsSync(path) && readFileSync(path, 'utf8') === String(process.pid)
}

/** How much of a log's end is read. */
const TAIL_BYTES = 16_384

/** The last lines of a log, indented; a note when the log is empty. */
export function lastLogLines(logFile: string, count = 8): string {
  const text = existsSync(logFile) ? readTail(logFile).trimEnd() : ''
  if (text === '') return '    (the log is empty)'
  return text
    .split('\n')
    .slice(-count)
    .map(line => `    ${line.slice(0, 400)}`)
    .join('\n')
}

function isEmptyLog(logFile: string): boolean {
  return !existsSync(logFile) || readTail(logFile).trim() === ''
}

/** What the log tells about a service that does not answer, and what to do. */
function logReport(logFile: string): { why: string; next: string } {
  if (isEmptyLog(logFile)) return emptyLog
  return { why: `its log ends with\n${lastLogLines(logFile)}`, next: `read ${logFile}` }
}

function readTail(file: string): string {
  const opened = openSync(file, 'r')
  try {
    const { size } = fstatSync(opened)
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES))
    return tail.toString('utf8', 0, readSync(opened, tail, 0, tail.length, size - tail.length))
  } finally {
    closeSync(opened)
  }
}

/**
 * Defers Ctrl-C and other signals until the returned function is called: a service that is started and has no pid file yet would never
 * be stopped.
 */
function deferSignals(): () => void {
  const held: NodeJS.Signals[] = []
  const hold = (signal: NodeJS.Signals) => held.push(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, hold)
  return () => {
    for (const signal of signals) process.off(signal, hold)
    const [first] = held
    if (first !== undefined) process.kill(process.pid, first)
  }
}

function isLarge(file: string): boolean {
  return existsSync(file) && statSync(file).size > LOG_BYTES_KEPT
}

function endedEarly(name: string, logFile: string): LabError {
  const { why, next } = isEmptyLog(logFile) ? { ...emptyLog, why: 'it wrote nothing to its log' } : logReport(logFile)
  return new LabError(`${name} ended right after its start`, { why, next })
}

/** The process that a supervisor has started; undefined in the second before it starts the next. */
async function supervised(supervisor: ProcessInfo): Promise<ProcessInfo | undefined> {
  const infos = await processInfos(await childrenOf(supervisor.pid))
  return [...infos.values()].find(({ command }) => supervisor.command.endsWith(command))
}

function specText(spec: ServiceSpec): string {
  const { command, args, env = {}, contents } = spec
  return JSON.stringify([command, args, env, ...(contents === undefined ? [] : [contents])])
}

function readPidFile(path: string): PidFile | undefined {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PidFile
  } catch {
    // The lab writes the file in one step; an invalid one identifies no process.
    return undefined
  }
}
