import { LabError, PatternError } from '../cli/errors.ts'
import { patternError } from '../promql/promql-regex.ts'
import { withTimeLimit } from '../system/time-limit.ts'
import { grafanaData } from './grafana-data.ts'

/** Matching takes microseconds, except for a pattern with catastrophic backtracking. */
const LIMIT_MS = 1_000

/**
 * Compiles a regular expression as Grafana does for variables, overrides, value mappings and transformations:
 * JavaScript, as `/pattern/flags`, or a bare pattern that must match the whole text. `plain` is the form of
 * `metrics(pattern)` and of the filter by value, which matches any part.
 *
 * Throws a PatternError for an invalid pattern.
 */
export function grafanaRegex(pattern: string, form: 'grafana' | 'plain' = 'grafana'): RegExp {
  try {
    return form === 'plain' ? new RegExp(pattern) : grafanaData().stringToJsRegex(pattern)
  } catch (error) {
    throw new PatternError(pattern, error)
  }
}

/**
 * Matches a pattern within a time limit.
 *
 * Throws a PatternError on time-out.
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
 * The names that match a pattern, within one time limit. As in Grafana, an invalid pattern matches none.
 *
 * Throws a PatternError on time-out.
 */
export function matchingNames(pattern: string, names: readonly string[]): ReadonlySet<string> {
  if (patternError(() => grafanaRegex(pattern)) !== undefined) return new Set()
  const regex = grafanaRegex(pattern)
  return new Set(matching(pattern, () => names.filter(name => name.search(regex) !== -1)))
}
