import { RE2JS } from 're2js'
import { PatternError } from '../cli/errors.ts'

/**
 * Whether a value matches a regular expression as PromQL has it in matchers and in `label_replace()`: RE2, which has to fit the whole value,
 * and in which a dot is any character, line breaks included (prometheus/model/labels/regexp.go).
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

/** The values that a regular expression lists, `a|b\.c` or `(a|b\.c)`; undefined for one that is more than a list. */
export function listedValues(pattern: string): string[] | undefined {
  const [, inner = ''] = /^\((?:\?:)?(.*)\)$/s.exec(pattern) ?? [undefined, pattern]
  if (!/^(?:[^\\^$.*+?()[\]{}]|\\\W)*$/.test(inner)) return undefined
  return (inner.match(/(?:[^\\|]|\\\W)+/g) ?? []).map(value => value.replace(/\\(\W)/g, '$1'))
}
