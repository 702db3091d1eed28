import { LabError, PatternError } from '../cli/errors.ts'
import { withTimeLimit } from '../system/time-limit.ts'
import { grafanaData } from './grafana-data.ts'

/** Matching takes microseconds, unless a pattern goes back and forth for ever. */
const LIMIT_MS = 1_000

/**
 * A regular expression as Grafana's own code compiles it for a variable, an override, a value mapping or a transformation: JavaScript, as
 * `/pattern/flags`, or a bare pattern that has to fit the whole text. `plain` is the form of `metrics(pattern)` and of the filter by
 * values, which fits any part.
 *
 * Throws a PatternError for what it refuses.
 */
export function grafanaRegex(pattern: string, form: 'grafana' | 'plain' = 'grafana'): RegExp {
  try {
    return form === 'plain' ? new RegExp(pattern) : grafanaData().stringToJsRegex(pattern)
  } catch (error) {
    throw new PatternError(pattern, error)
  }
}

/**
 * What is found by matching a pattern, in a bounded time.
 *
 * Throws a PatternError when the time is over.
 */
export function matching<T>(pattern: string, match: () => T, limitMs = LIMIT_MS): T {
  try {
    return withTimeLimit(match, { what: 'matching', limitMs })
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    throw new PatternError(pattern, error)
  }
}

/**
 * Those of some names that match a pattern, all within one time limit. As in Grafana, a pattern that it can't use matches none.
 *
 * Throws a PatternError when the time is over.
 */
export function matchingNames(pattern: string, names: readonly string[]): ReadonlySet<string> {
  let regex: RegExp
  try {
    regex = grafanaRegex(pattern)
  } catch (error) {
    if (error instanceof PatternError) return new Set()
    throw error
  }
  return new Set(matching(pattern, () => names.filter(name => name.search(regex) !== -1)))
}
