/** What a person can be told of a failure, beside the failure itself. */
export interface LabErrorOptions {
  /** Why it failed: a tool's own words, or the value that was refused. */
  why?: string | undefined
  /** What to do next, one sentence in the imperative. */
  next?: string | undefined
  cause?: unknown
}

/**
 * A failure that was expected to happen some day: what failed, why, and what to do next. Everything else that is thrown is
 * a bug of the lab and is shown with its stack.
 */
export class LabError extends Error {
  override readonly name: string = 'LabError'
  /** 1 failed, 2 wrong usage. */
  readonly exitCode: 1 | 2 = 1
  readonly next: string | undefined

  constructor(what: string, options: LabErrorOptions = {}) {
    super(
      options.why === undefined ? what : `${what}: ${options.why}`,
      options.cause === undefined ? {} : { cause: options.cause },
    )
    this.next = options.next
  }
}

/** A regular expression that its evaluator refuses; `why` is the evaluator's own words. */
export class PatternError extends LabError {
  override readonly name = 'PatternError'
  readonly why: string

  constructor(pattern: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`The regular expression ${pattern} can't be used`, { why, cause })
    this.why = why
  }
}

/** The caller asked for something that can't be: a misspelt flag, a value out of range. Nothing was changed. */
export class UsageError extends LabError {
  override readonly name = 'UsageError'
  override readonly exitCode = 2
}

/** How many dashboards an error names. */
const NAMED = 3

/** A run that had nothing to look at must not pass for one that found nothing wrong. */
export class NothingCheckedError extends LabError {
  override readonly name = 'NothingCheckedError'

  /** Of each dashboard why; nothing where it has no query at all. */
  constructor(dashboards: readonly { title: string; why: readonly string[] }[]) {
    const whys = dashboards.map(({ title, why }) => `${title}: ${why.join(', ') || 'has no query'}`)
    const more = whys.length > NAMED ? [`and ${whys.length - NAMED} more`] : []
    super('Nothing was checked', {
      why: [...whys.slice(0, NAMED), ...more].join('; '),
      next: 'name a dashboard whose own panels ask Prometheus, and run this again',
    })
  }
}

const BUG = 'this is a bug of the lab, please report it'

/** What to do about the faults that a disk or a folder's rights cause anywhere. */
const systemHints: Record<string, string> = {
  ENOSPC: 'free some disk space, then run this again',
  EDQUOT: 'free some disk space, then run this again',
  EACCES: 'give yourself the right to that file or folder, then run this again',
  EPERM: 'give yourself the right to that file or folder, then run this again',
  EROFS: 'the disk is read-only: use another, by KWOK_WORKDIR or by moving the clone',
}

/** The text a person sees for anything thrown: two lines for what we expected, the stack for the rest. */
export function describeError(error: unknown): string {
  if (error instanceof LabError)
    return error.next === undefined ? error.message : `${error.message}\n  Next: ${error.next}`
  const code = systemErrorCode(error)
  if (code !== undefined && code in systemHints && error instanceof Error)
    return `${error.message}\n  Next: ${systemHints[code]}`
  if (error instanceof Error) return `${error.stack ?? error.message}\n  Next: ${BUG}`
  return String(error)
}

/** What failed of one thing among many, and what to do: a bug of the lab, with its place, for what is thrown and was not expected. */
export function failedPart(error: unknown): { what: string; next: string } {
  if (error instanceof LabError) return { what: error.message, next: error.next ?? '' }
  const [, place] = (error instanceof Error && /\n\s+(at .*)/.exec(error.stack ?? '')) || []
  return { what: String(error), next: place === undefined ? BUG : `${BUG} (${place})` }
}

/** The `code` of a Node.js system error (`ENOENT`, `EADDRINUSE`), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
