import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import { formatElapsed, withProgress } from '../cli/progress.ts'

/**
 * The result of one check: `done` with the awaited value; `pending` with the present state in words; or `failed` with an error that
 * waiting cannot fix, which ends the wait at once.
 */
export type CheckResult<T> = { done: T } | { pending: string } | { failed: LabError }

export interface WaitOptions<T> {
  /** The awaited thing, for the message of a time-out: "50 nodes Ready". */
  what: string
  /** How long to wait. A function is called after each check, for a limit that depends on its result. */
  timeoutMs: number | (() => number)
  /** The pause between two checks. A function gets the duration of the last check, for expensive checks. */
  everyMs: number | ((checkMs: number) => number)
  /** A LabError that it throws counts as pending and is shown on time-out. Any other error ends the wait. */
  check: () => Promise<CheckResult<T>>
  /** A LabError of the check also ends the wait. */
  errorsAreFinal?: boolean
  /** Shows a progress line with this title and the last state. The line ends with the wait. */
  progress?: string
  /** Replaces the error of a time-out by a result or another error. It gets the last state. */
  onTimeout?: (seen: string) => T | Promise<T>
  /** The `Next:` line of a time-out. */
  next?: string | (() => string)
  /** Ends the wait: the promise is rejected with the signal's reason. */
  signal?: AbortSignal
}

/** The shortest pause between two checks, so that no wait spins. */
const MIN_PAUSE_MS = 10

/**
 * Checks until the result is `done` and returns its value. It pauses after every check, and checks once more after the time is over.
 *
 * Throws a LabError with the last state on time-out, and the `failed` error of a check unchanged.
 */
export async function waitUntil<T>(options: WaitOptions<T>): Promise<T> {
  if (options.progress === undefined) return await poll(options, () => {})
  return await withProgress(options.progress, detail => poll(options, detail))
}

async function poll<T>(options: WaitOptions<T>, show: (seen: string) => void): Promise<T> {
  const { what, check, onTimeout, signal } = options
  const startedMs = performance.now()
  for (;;) {
    signal?.throwIfAborted()
    const checkedMs = performance.now()
    let lastError: LabError | undefined
    const result = await check().catch((error: unknown) => {
      if (!(error instanceof LabError) || options.errorsAreFinal === true) throw error
      lastError = error
      return { pending: error.message }
    })
    if ('done' in result) return result.done
    if ('failed' in result) throw result.failed
    show(result.pending)
    const endMs = performance.now()
    const timeoutMs = typeof options.timeoutMs === 'function' ? options.timeoutMs() : options.timeoutMs
    if (endMs - startedMs > timeoutMs) {
      if (onTimeout !== undefined) return await onTimeout(result.pending)
      const next = typeof options.next === 'function' ? options.next() : options.next
      throw new LabError(`Timed out after ${formatElapsed(endMs - startedMs)} waiting for ${what}`, {
        why: result.pending,
        next: next ?? lastError?.next,
        cause: lastError,
      })
    }
    const pauseMs = typeof options.everyMs === 'function' ? options.everyMs(endMs - checkedMs) : options.everyMs
    const leftMs = startedMs + timeoutMs - endMs
    // An aborted sleep rejects with an AbortError; the start of the loop throws the signal's reason instead.
    const waitMs = Math.max(MIN_PAUSE_MS, Math.min(pauseMs, leftMs))
    await sleep(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {})
  }
}
