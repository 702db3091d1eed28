/**
 * Cleaning up at the end of a test process, whatever ends it but SIGKILL. All of it is synchronous: no test runs meanwhile.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { signalProcess } from '../../lib/system/processes.ts'

const cleanUps: (() => void)[] = []

process.once('exit', () => {
  for (const cleanUp of cleanUps.reverse()) {
    try {
      cleanUp()
    } catch (error) {
      process.stderr.write(`Cannot clean up: ${error instanceof Error ? error.stack : String(error)}\n`)
    }
  }
})
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}

/** Registers what has to be undone before this process ends, the newest first. Returns a function that does it once, then or earlier. */
export function atExit(cleanUp: () => void): () => void {
  let isDone = false
  const once = () => {
    if (isDone) return
    isDone = true
    cleanUp()
  }
  cleanUps.push(once)
  return once
}

/** Blocks this process. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Ends a child process: TERM, then KILL when it still runs after `graceMs`. Returns when it is gone. Linux only. */
export function endProcessSync(pid: number, graceMs: number): void {
  for (const [signal, waitMs] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5_000],
  ] as const) {
    const endMs = Date.now() + waitMs
    if (!signalProcess(pid, signal)) return
    while (Date.now() < endMs) {
      if (!isRunning(pid)) return
      sleepSync(50)
    }
  }
}

/** Whether a process runs. A child that has ended stays a zombie while this process is blocked. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
