import { setTimeout as sleep } from 'node:timers/promises'
import { serviceEnvironment } from './environment.ts'
import { LabError } from './errors.ts'
import { run } from './run.ts'

/** What the operating system says of one running process. */
export interface ProcessInfo {
  pid: number
  residentBytes: number
  /** The command line, arguments joined by spaces. */
  command: string
}

/**
 * Those of the processes that run now, by pid. A zombie does not run.
 *
 * Asked of `ps` with columns that Linux and macOS share.
 */
export async function processInfos(pids: readonly number[]): Promise<Map<number, ProcessInfo>> {
  const found = new Map<number, ProcessInfo>()
  if (pids.length === 0) return found
  const columns = ['pid=', 'stat=', 'rss=', 'command='].flatMap(column => ['-o', column])
  const { exitCode, stdout, stderr } = await run('ps', ['-ww', ...columns, '-p', pids.join(',')], {
    nothrow: true,
    // Without the user's PS_FORMAT, PS_PERSONALITY and so on.
    env: { ...serviceEnvironment(process.env), LC_ALL: 'C' },
  })
  // 1 without a word is "none of these"; anything else must not pass for it, or what runs would be given up.
  if (exitCode > 1 || (exitCode === 1 && stderr.trim() !== '')) {
    throw new LabError('Cannot list processes', { why: stderr.trim(), next: 'install ps (the procps package)' })
  }
  for (const line of stdout.split('\n')) {
    const [, pid, state, rss, command] = /^\s*(\d+)\s+(\S+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    if (pid === undefined || state?.startsWith('Z')) continue
    found.set(Number(pid), { pid: Number(pid), residentBytes: Number(rss) * 1024, command: command ?? '' })
  }
  return found
}

/** Ends a process: TERM, then KILL when it is still there after `graceMs`. Returns when it is gone. */
export async function endProcess(pid: number, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!signalProcess(pid, signal)) return
    const until = Date.now() + waitMs
    while (Date.now() < until) {
      await sleep(50)
      if (!(await processInfos([pid])).has(pid)) return
    }
  }
}

/** Sends a signal; false when there is no such process. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
