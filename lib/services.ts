import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from './errors.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from './lab.ts'
import { endProcess, type ProcessInfo, processInfos, signalProcess } from './processes.ts'

/** The words for a lab's services in status, pid files and logs. */
export const serviceNames = ['prometheus', 'stats-proxy', 'collector', 'collector-watch'] as const
export type ServiceName = (typeof serviceNames)[number]

/** How a service is started. */
export interface ServiceSpec {
  name: ServiceName
  command: string
  args: readonly string[]
  /** Added to the environment of the task that starts it. */
  env?: Readonly<Record<string, string>>
  /** True once the service answers; asked until it does. */
  ready: () => Promise<boolean>
  /** How long it may take to answer. */
  readyTimeoutMs?: number
}

/** A service as it is now. */
export interface ServiceState {
  name: ServiceName
  /** The process, when it runs and is ours. */
  process: ProcessInfo | undefined
  logFile: string
}

/** What is on disk of a started service: enough to know its process again. */
interface PidFile {
  pid: number
  startedAtMs: number
  command: string
  /** How it was started; another spec means another start. */
  spec: string
}

/** Services as the tasks see them; one implementation for each runtime. */
export interface Services {
  /**
   * Makes the service run as the spec says, and waits until it answers. One that already does is left alone; one that was
   * started from another spec is stopped first. Returns whether it had to be started.
   *
   * Throws a LabError with the end of its log when it ends or does not answer in time.
   */
  ensure: (spec: ServiceSpec) => Promise<boolean>
  /** Ends the service if it runs; returns whether it did. */
  stop: (name: ServiceName) => Promise<boolean>
  state: (name: ServiceName) => Promise<ServiceState>
  /** Sends a signal to a running service; false when it does not run. */
  signal: (name: ServiceName, signal: NodeJS.Signals) => Promise<boolean>
}

/** Services as processes of this machine: detached from the terminal, output in a log file, known by a pid file. */
export function binaryServices(lab: Lab): Services {
  const pidPath = (name: ServiceName) => join(lab.pidsDir, `${name}.json`)
  const logPath = (name: ServiceName) => join(lab.logsDir, `${name}.log`)

  async function state(name: ServiceName): Promise<ServiceState> {
    const recorded = readPidFile(pidPath(name))
    const logFile = logPath(name)
    if (recorded === undefined) return { name, process: undefined, logFile }
    const info = (await processInfos([recorded.pid])).get(recorded.pid)
    return { name, process: info !== undefined && isSame(info, recorded) ? info : undefined, logFile }
  }

  async function stop(name: ServiceName): Promise<boolean> {
    const { process } = await state(name)
    if (process !== undefined) await endProcess(process.pid, 8_000)
    rmSync(pidPath(name), { force: true })
    return process !== undefined
  }

  async function start(spec: ServiceSpec): Promise<void> {
    ensureLabDirs(lab)
    const log = openSync(logPath(spec.name), 'a', 0o600)
    const release = holdSignals()
    try {
      const child = spawn(spec.command, [...spec.args], {
        cwd: lab.dir,
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...spec.env },
      })
      const failure = await new Promise<Error | undefined>(resolve => {
        child.once('error', resolve)
        child.once('spawn', () => resolve(undefined))
      })
      const pid = child.pid
      if (failure !== undefined || pid === undefined) {
        throw new LabError(`Cannot start ${spec.name}`, { why: failure?.message, cause: failure })
      }
      child.unref()
      const info = (await processInfos([pid])).get(pid)
      if (info === undefined) throw endedEarly(spec.name, logPath(spec.name))
      const { startedAtMs, command } = info
      const recorded: PidFile = { pid, startedAtMs, command, spec: specText(spec) }
      writeFileAtomically(pidPath(spec.name), `${JSON.stringify(recorded, null, 2)}\n`)
    } finally {
      closeSync(log)
      release()
    }
  }

  async function waitUntilReady(spec: ServiceSpec): Promise<void> {
    const timeoutMs = spec.readyTimeoutMs ?? 30_000
    const until = Date.now() + timeoutMs
    while (!(await spec.ready())) {
      if (!(await hasSamePid(spec.name))) throw endedEarly(spec.name, logPath(spec.name))
      if (Date.now() > until) {
        throw new LabError(`${spec.name} did not answer within ${timeoutMs / 1000} s`, {
          why: `its log ends with\n${lastLogLines(logPath(spec.name))}`,
          next: `read ${logPath(spec.name)}`,
        })
      }
      await sleep(100)
    }
  }

  /** Whether the recorded process still runs, whatever its command: a script of the user's becomes the program by exec. */
  async function hasSamePid(name: ServiceName): Promise<boolean> {
    const recorded = readPidFile(pidPath(name))
    const info = recorded && (await processInfos([recorded.pid])).get(recorded.pid)
    return info !== undefined && Math.abs(info.startedAtMs - (recorded?.startedAtMs ?? 0)) <= 2_000
  }

  /** The command line as it is once the service answers. */
  async function rememberCommand(name: ServiceName): Promise<void> {
    const recorded = readPidFile(pidPath(name))
    const info = recorded && (await processInfos([recorded.pid])).get(recorded.pid)
    if (recorded === undefined || info === undefined || info.command === recorded.command) return
    writeFileAtomically(pidPath(name), `${JSON.stringify({ ...recorded, command: info.command }, null, 2)}\n`)
  }

  async function ensure(spec: ServiceSpec): Promise<boolean> {
    const running = (await state(spec.name)).process !== undefined
    if (running && readPidFile(pidPath(spec.name))?.spec === specText(spec)) {
      await waitUntilReady(spec)
      return false
    }
    await stop(spec.name)
    await start(spec)
    await waitUntilReady(spec)
    await rememberCommand(spec.name)
    return true
  }

  async function signal(name: ServiceName, signalName: NodeJS.Signals): Promise<boolean> {
    const { process } = await state(name)
    return process !== undefined && signalProcess(process.pid, signalName)
  }

  return { ensure, stop, state, signal }
}

/** The last lines of a log, indented, or a word that there is none. */
export function lastLogLines(logFile: string, count = 8): string {
  const text = existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd() : ''
  if (text === '') return '    (the log is empty)'
  return text
    .split('\n')
    .slice(-count)
    .map(line => `    ${line.slice(0, 400)}`)
    .join('\n')
}

/** Services that have a pid file in the folder, also those that a later version of the lab no longer knows. */
export function recordedServices(pidsDir: string): string[] {
  if (!existsSync(pidsDir)) return []
  return readdirSync(pidsDir)
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length))
}

/**
 * Keeps Ctrl-C from ending this process until what is returned is called: a service that was started and is not written down
 * yet would be nobody's.
 */
function holdSignals(): () => void {
  const held: NodeJS.Signals[] = []
  const hold = (signal: NodeJS.Signals) => held.push(signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hold)
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hold)
    const [first] = held
    if (first !== undefined) process.kill(process.pid, first)
  }
}

function endedEarly(name: ServiceName, logFile: string): LabError {
  return new LabError(`${name} ended right after its start`, {
    why: `its log ends with\n${lastLogLines(logFile)}`,
    next: `read ${logFile}`,
  })
}

/**
 * After a reboot, or a long time, a pid belongs to somebody else. `ps` gives start times to the second and may round them
 * otherwise at each call, so two seconds count as the same.
 */
function isSame(info: ProcessInfo, recorded: PidFile): boolean {
  return info.command === recorded.command && Math.abs(info.startedAtMs - recorded.startedAtMs) <= 2_000
}

function specText(spec: ServiceSpec): string {
  return JSON.stringify([spec.command, spec.args, spec.env ?? {}])
}

function readPidFile(path: string): PidFile | undefined {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PidFile
  } catch {
    // Half a file can't come from us (it is renamed into place); a broken one knows no process.
    return undefined
  }
}
