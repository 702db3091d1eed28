import { readdirSync, readFileSync } from 'node:fs'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { serviceEnvironment } from './environment.ts'
import { run } from './run.ts'
import { waitUntil } from './wait.ts'

/** One running process. */
export interface ProcessInfo {
  pid: number
  residentBytes: number
  /** The command line, arguments joined by spaces. */
  command: string
}

/** A running process and its start. */
export interface StartedProcess extends ProcessInfo {
  /** An opaque value. With the pid it identifies one process, also after an exec. */
  started: string
}

/**
 * The processes of the list that run now, by pid; zombies do not count. On Linux it reads /proc: `ps`, with the shell that starts it, takes a
 * tenth of a second of CPU time. Elsewhere it uses columns of `ps` that Linux and macOS share.
 */
export async function processInfos(pids: readonly number[]): Promise<Map<number, StartedProcess>> {
  const found =
    pids.length === 0 ? [] : isLinux ? pids.flatMap(pid => linuxProcess(pid) ?? []) : await psProcesses(pids)
  return new Map(found.map(each => [each.pid, each]))
}

async function psProcesses(pids: readonly number[]): Promise<StartedProcess[]> {
  const columns = ['pid=', 'stat=', 'rss=', 'lstart=', 'command='].flatMap(column => ['-o', column])
  const { exitCode, stdout, stderr } = await run('ps', ['-ww', ...columns, '-p', pids.join(',')], {
    nothrow: true,
    // Without the user's PS_FORMAT, PS_PERSONALITY and so on.
    env: { ...serviceEnvironment(process.env), LC_ALL: 'C', TZ: 'UTC' },
  })
  // 1 without a message means that none of them runs. Any other failure must not look the same.
  if (exitCode > 1 || (exitCode === 1 && stderr.trim() !== '')) {
    throw new LabError('Cannot list processes', { why: stderr.trim(), next: 'install ps (the procps package)' })
  }
  return stdout.split('\n').flatMap(line => {
    // lstart: Sat Nov 28 14:20:58 2026
    const [, pid, state, rss, started = '', command = ''] =
      /^\s*(\d+)\s+(\S+)\s+(\d+)\s+((?:\S+\s+){4}\d+)\s+(.*)$/.exec(line) ?? []
    if (pid === undefined || state?.startsWith('Z')) return []
    return [{ pid: Number(pid), residentBytes: Number(rss) * 1024, command, started }]
  })
}

/** The pids of a process's children. */
export async function childrenOf(pid: number): Promise<number[]> {
  return (await relations()).filter(({ parent }) => parent === pid).map(each => each.pid)
}

interface Relations {
  pid: number
  state: string
  parent: number
  group: number
}

/** Parent and process group of every process, zombies too. */
async function relations(): Promise<Relations[]> {
  if (isLinux) {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(name => {
        const [state = '', parent, group] = linuxStat(Number(name)) ?? []
        return state === '' ? [] : [{ pid: Number(name), state, parent: Number(parent), group: Number(group) }]
      })
  }
  const columns = ['pid=', 'stat=', 'ppid=', 'pgid='].flatMap(column => ['-o', column])
  const { stdout } = await run('ps', ['-A', ...columns], { env: serviceEnvironment(process.env) })
  return stdout.split('\n').map(line => {
    const [pid, state = '', parent, group] = line.trim().split(/\s+/)
    return { pid: Number(pid), state, parent: Number(parent), group: Number(group) }
  })
}

const isLinux = process.platform === 'linux'

/**
 * A running process by proc_pid_stat(5), proc_pid_status(5) and proc_pid_cmdline(5). Its start is in clock ticks since boot with the ID of the
 * boot: the time that `ps` prints changes when the clock is set. Undefined when it has ended, also for a zombie.
 */
function linuxProcess(pid: number): StartedProcess | undefined {
  const stat = linuxStat(pid)
  const [status, args] = ['status', 'cmdline'].map(file => readProc(`${pid}/${file}`))
  if (stat === undefined || stat[0] === 'Z' || status === undefined || args === undefined) return undefined
  const [, residentKiB = 0] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? []
  return {
    pid,
    residentBytes: Number(residentKiB) * 1024,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL ends each argument, and ps shows no other control characters either.
    command: args.replace(/[\0-\x1f]/g, ' ').trimEnd(),
    started: `${readProc('sys/kernel/random/boot_id')?.trim()} ${stat[19]}`,
  }
}

/** The fields of /proc/<pid>/stat from the third, the state, on. The second is the program's name in parentheses, which can contain any character. */
function linuxStat(pid: number): string[] | undefined {
  const stat = readProc(`${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** A file of /proc; undefined when its process has ended. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

/**
 * Ends a process group: TERM, then KILL if a process is left after `graceMs`. Returns when all have ended.
 *
 * Throws a LabError when a process does not end.
 */
export async function endProcessGroup(pgid: number, graceMs: number): Promise<void> {
  const end = async (signal: NodeJS.Signals, timeoutMs: number) => {
    if (!signalProcess(-pgid, signal)) return
    await waitUntil({
      what: `the end of process ${pgid}`,
      timeoutMs,
      everyMs: 50,
      check: async () =>
        (await isGroupAlive(pgid)) ? { pending: `it still runs after ${signal}` } : { done: undefined },
    })
  }
  await end('SIGTERM', graceMs).catch(async (error: unknown) => {
    if (!(error instanceof LabError)) throw error
    await end('SIGKILL', 5_000)
  })
}

/** Whether a process of the group runs. A zombie, which only its parent can remove, is still in the group. */
async function isGroupAlive(pgid: number): Promise<boolean> {
  if (!signalProcess(-pgid, 0)) return false
  return (await relations()).some(({ group, state }) => group === pgid && !state.startsWith('Z'))
}

/** Sends a signal to a process, or with a negative pid to a process group; false when it does not exist. 0 sends nothing. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
