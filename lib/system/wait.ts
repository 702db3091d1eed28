import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import { formatElapsed, withProgress } from '../cli/progress.ts'

/**
 * What one check found: the awaited result; that it is not there yet, and what was seen instead; or a failure that waiting cannot fix;
 * the wait ends at once.
 */
export type CheckResult<T> = { done: T } | { pending: string } | { failed: LabError }

export interface WaitOptions<T> {
  /** What is awaited, as the subject of the time-out's message: "50 nodes Ready". */
  what: string
  /** How long to wait. A function is asked after each check, for a limit that depends on what was seen. */
  timeoutMs: number | (() => number)
  /** The pause between two checks. A function is given how long the last check took, for checks that cost what they wait for. */
  everyMs: number | ((checkMs: number) => number)
  /** A LabError that it throws counts as "not yet", and is shown on time-out. Any other error ends the wait. */
  check: () => Promise<CheckResult<T>>
  /** A LabError of the check ends the wait too. */
  errorsAreFinal?: boolean
  /** Shows a progress line with this title and what was seen last. The line ends with the wait, however that ends. */
  progress?: string
  /** Takes the place of the time-out's error, with a result or an error of its own. It is given what was seen last. */
  onTimeout?: (seen: string) => T | Promise<T>
  /** What a user can do about a time-out. */
  next?: string | (() => string)
  /** Ends the wait: the promise is rejected with the signal's reason. */
  signal?: AbortSignal
}

/** The shortest pause between two checks, so that no wait spins. */
const MIN_PAUSE_MS = 10

/**
 * Checks again and again until the result is there, and returns it. There is a pause after each check, whatever it found, and one last
 * check after the time is over.
 *
 * Throws a LabError on time-out that says what was seen last, and the `failed` error of a check as it is.
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
    // An aborted sleep rejects with an AbortError; the check at the start of the loop throws the signal's own reason.
    await sleep(
      Math.max(MIN_PAUSE_MS, Math.min(pauseMs, leftMs)),
      undefined,
      signal === undefined ? {} : { signal },
    ).catch(() => {})
  }
}
