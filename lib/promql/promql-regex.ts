import { RE2JS } from 're2js'
import { PatternError } from '../cli/errors.ts'

/**
 * Compiles a regular expression of a matcher or of `label_replace()`: RE2, anchored at both ends, and a dot matches
 * line breaks too (prometheus/model/labels/regexp.go).
 *
 * Throws a PatternError for what Prometheus refuses.
 */
export function promqlRegex(pattern: string): (value: string) => boolean {
  try {
    const regex = RE2JS.compile(pattern, RE2JS.DOTALL)
    return value => regex.matches(value)
  } catch (error) {
    throw new PatternError(pattern, error)
  }
}

/** The error of a function that compiles a pattern, if it throws a PatternError. */
export function patternError(compile: () => unknown): PatternError | undefined {
  try {
    compile()
    return undefined
  } catch (error) {
    if (error instanceof PatternError) return error
    throw error
  }
}

/** The values of a regular expression that is a list, `a|b\.c` or `(a|b\.c)`; undefined for another one. */
export function listedValues(pattern: string): string[] | undefined {
  const [, inner = ''] = /^\((?:\?:)?(.*)\)$/s.exec(pattern) ?? [undefined, pattern]
  if (!/^(?:[^\\^$.*+?()[\]{}]|\\\W)*$/.test(inner)) return undefined
  return (inner.match(/(?:[^\\|]|\\\W)+/g) ?? []).map(value => value.replace(/\\(\W)/g, '$1'))
}
