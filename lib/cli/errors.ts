export interface LabErrorOptions {
  /** The reason: a tool's message, or the invalid value. */
  why?: string | undefined
  /** What the user can do, one sentence in the imperative. */
  next?: string | undefined
  cause?: unknown
}

/** An expected failure: what failed, why, and what to do next. Any other error is a bug of the lab and is shown with its stack. */
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

/** An invalid regular expression; `why` is the evaluator's message. */
export class PatternError extends LabError {
  override readonly name = 'PatternError'
  readonly why: string

  constructor(pattern: string, cause: unknown) {
    const why = messageOf(cause)
    super(`The regular expression ${pattern} is invalid`, { why, cause })
    this.why = why
  }
}

/** Wrong usage, such as an unknown flag or a value out of range. Nothing was changed. */
export class UsageError extends LabError {
  override readonly name = 'UsageError'
  override readonly exitCode = 2
}

/** The most dashboards that an error names. */
const MOST_NAMED = 3

/** No dashboard has a query that can be checked: a failure, not a success. */
export class NothingCheckedError extends LabError {
  override readonly name = 'NothingCheckedError'

  /** Each dashboard with the reasons; none for a dashboard without queries. */
  constructor(dashboards: readonly { title: string; why: readonly string[] }[]) {
    const reasons = dashboards.map(({ title, why }) => `${title}: ${why.join(', ') || 'has no query'}`)
    const more = reasons.length > MOST_NAMED ? [`and ${reasons.length - MOST_NAMED} more`] : []
    super('Nothing was checked', {
      why: [...reasons.slice(0, MOST_NAMED), ...more].join('; '),
      next: 'name a dashboard whose own panels query Prometheus, and run this again',
    })
  }
}

const BUG = 'this is a bug of the lab, please report it'

/** What to do about errors of the file system. */
const systemHints: Record<string, string> = {
  ENOSPC: 'free some disk space, then run this again',
  EDQUOT: 'free some disk space, then run this again',
  EACCES: 'change the permissions of that file or folder, then run this again',
  EPERM: 'change the permissions of that file or folder, then run this again',
  EROFS: 'the file system is read-only: set KWOK_WORKDIR to another one, or move the clone',
}

/** The text of any error for the user: message and next step of an expected one, the stack of any other. */
export function describeError(error: unknown): string {
  if (error instanceof LabError)
    return error.next === undefined ? error.message : `${error.message}\n  Next: ${error.next}`
  const code = systemErrorCode(error)
  if (code !== undefined && code in systemHints && error instanceof Error)
    return `${error.message}\n  Next: ${systemHints[code]}`
  if (error instanceof Error) return `${error.stack ?? error.message}\n  Next: ${BUG}`
  return String(error)
}

/** An error as a message and a next step. For a bug of the lab the next step names its place in the code. */
export function failedPart(error: unknown): { what: string; next: string } {
  if (error instanceof LabError) return { what: error.message, next: error.next ?? '' }
  const [, place] = (error instanceof Error && /\n\s+(at .*)/.exec(error.stack ?? '')) || []
  return { what: String(error), next: place === undefined ? BUG : `${BUG} (${place})` }
}

/** The message of an error, of a connection to several addresses those of each; a text for anything else that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message || error.name : String(error)
}

/** The message of an error's cause, if it has one: the error of fetch() itself is generic. */
export function causeOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause instanceof Error ? error.cause : error)
}

/** The `code` of a Node.js system error (`ENOENT`, `EADDRINUSE`), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
