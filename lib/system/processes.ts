import { readFileSync } from 'node:fs'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { serviceEnvironment } from './environment.ts'
import { run } from './run.ts'
import { waitUntil } from './wait.ts'

/** What the operating system says of one running process. */
export interface ProcessInfo {
  pid: number
  residentBytes: number
  /** The command line, arguments joined by spaces. */
  command: string
}

/** A process of this machine, and when it was started. */
export interface StartedProcess extends ProcessInfo {
  /**
   * In a form that is only good for comparing. With the pid it names one process for ever, whatever program that process has become by
   * exec.
   */
  started: string
}

/**
 * Those of the processes that run now, by pid. A zombie does not run.
 *
 * Asked of `ps` with columns that Linux and macOS share.
 */
export async function processInfos(pids: readonly number[]): Promise<Map<number, StartedProcess>> {
  const found = new Map<number, StartedProcess>()
  if (pids.length === 0) return found
  const columns = ['pid=', 'stat=', 'rss=', 'lstart=', 'command='].flatMap(column => ['-o', column])
  const { exitCode, stdout, stderr } = await run('ps', ['-ww', ...columns, '-p', pids.join(',')], {
    nothrow: true,
    // Without the user's PS_FORMAT, PS_PERSONALITY and so on.
    env: { ...serviceEnvironment(process.env), LC_ALL: 'C', TZ: 'UTC' },
  })
  // 1 without a word is "none of these"; anything else must not pass for it, or what runs would be given up.
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

/**
 * Linux counts a process's start in clock ticks from boot (proc_pid_stat(5), field 22), and `ps` adds the time of the boot, which moves
 * when the clock is set. The boot has an ID of its own. Undefined when the process has ended.
 */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, which may hold anything.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${ticks}`
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

/**
 * Ends a process group: TERM, then KILL when one of it is still there after `graceMs`. Returns when all are gone.
 *
 * Throws a LabError when one can't be ended.
 */
export async function endProcessGroup(pgid: number, graceMs: number): Promise<void> {
  const end = async (signal: NodeJS.Signals, timeoutMs: number) => {
    if (!signalProcess(-pgid, signal)) return
    await waitUntil({
      what: `the end of process ${pgid}`,
      timeoutMs,
      everyMs: 50,
      check: async () => ((await isGroupAlive(pgid)) ? { pending: `it runs after ${signal}` } : { done: undefined }),
    })
  }
  await end('SIGTERM', graceMs).catch(async (error: unknown) => {
    if (!(error instanceof LabError)) throw error
    await end('SIGKILL', 5_000)
  })
}

/** Whether a process of the group runs. A zombie, which only its parent can end, still has the group's number. */
async function isGroupAlive(pgid: number): Promise<boolean> {
  if (!signalProcess(-pgid, 0)) return false
  const columns = ['pgid=', 'stat='].flatMap(column => ['-o', column])
  const { stdout } = await run('ps', ['-A', ...columns], { env: serviceEnvironment(process.env) })
  return stdout.split('\n').some(line => {
    const [group, state] = line.trim().split(/\s+/)
    return Number(group) === pgid && state?.startsWith('Z') === false
  })
}

/** Sends a signal to a process, or of a negative number to a process group; false when there is no such. 0 only asks. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
