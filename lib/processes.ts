import { setTimeout as sleep } from 'node:timers/promises'
import { run } from './run.ts'

/** What the operating system says of one running process. */
export interface ProcessInfo {
  pid: number
  /** When it started, to the second, as Unix time in milliseconds. */
  startedAtMs: number
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
  const columns = ['pid=', 'stat=', 'rss=', 'lstart=', 'command='].flatMap(column => ['-o', column])
  const { stdout } = await run('ps', ['-ww', ...columns, '-p', pids.join(',')], {
    nothrow: true,
    env: { ...process.env, LC_ALL: 'C' },
  })
  for (const line of stdout.split('\n')) {
    const [, pid, state, rss, started, command] =
      /^\s*(\d+)\s+(\S+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/.exec(line) ?? []
    if (pid === undefined || started === undefined || state?.startsWith('Z')) continue
    found.set(Number(pid), {
      pid: Number(pid),
      startedAtMs: Date.parse(started),
      residentBytes: Number(rss) * 1024,
      command: command ?? '',
    })
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
