import { readFileSync } from 'node:fs'
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

/** The processes of the list that run now, by pid; zombies do not count. Uses columns of `ps` that Linux and macOS share. */
export async function processInfos(pids: readonly number[]): Promise<Map<number, StartedProcess>> {
  const found = new Map<number, StartedProcess>()
  if (pids.length === 0) return found
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
  for (const line of stdout.split('\n')) {
    // lstart: Sat Nov 28 14:20:58 2026
    const [, id, state, rss, lstart = '', command = ''] =
      /^\s*(\d+)\s+(\S+)\s+(\d+)\s+((?:\S+\s+){4}\d+)\s+(.*)$/.exec(line) ?? []
    if (id === undefined || state?.startsWith('Z')) continue
    const pid = Number(id)
    const started = process.platform === 'linux' ? linuxStart(pid) : lstart
    if (started !== undefined) found.set(pid, { pid, residentBytes: Number(rss) * 1024, command, started })
  }
  return found
}

/** The pids of a process's children. */
export async function childrenOf(pid: number): Promise<number[]> {
  const columns = ['pid=', 'ppid='].flatMap(column => ['-o', column])
  const { stdout } = await run('ps', ['-A', ...columns], { env: serviceEnvironment(process.env) })
  const pairs = stdout.split('\n').map(line => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []))
}

/**
 * The start in clock ticks since boot (proc_pid_stat(5), field 22) with the ID of the boot. The time that `ps` prints changes when the clock
 * is set. Undefined when the process has ended.
 */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, which can contain any character.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${ticks}`
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
  const columns = ['pgid=', 'stat='].flatMap(column => ['-o', column])
  const { stdout } = await run('ps', ['-A', ...columns], { env: serviceEnvironment(process.env) })
  return stdout.split('\n').some(line => {
    const [group, state] = line.trim().split(/\s+/)
    return Number(group) === pgid && state?.startsWith('Z') === false
  })
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
