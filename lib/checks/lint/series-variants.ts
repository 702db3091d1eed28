import { isPlain, type Matcher } from '../../promql/promql-ast.ts'
import { patternError, promqlRegex } from '../../promql/promql-regex.ts'
import { variablesIn } from '../../promql/query-variables.ts'
import type { Dialect } from './metric-catalog.ts'

/** Series of one name with the same labels: those of one source. */
export interface SeriesVariant {
  labels: ReadonlySet<string>
  /** The possible values of the labels that have few. */
  values: Readonly<Record<string, readonly string[]>>
  dialect: Dialect | undefined
}

/** Whether All of a variable matches the empty value, and with it series without the label. */
export type MatchesEmpty = (variable: string) => boolean

/** The labels of scrape targets: on another cluster they have other values. Of other labels, the catalog lists all values that there can be. */
const ofTargets = ['container', 'cpu', 'endpoint', 'instance', 'job', 'metrics_path', 'namespace', 'service']

/** Whether the values of a label depend on the cluster. */
export function isOfTargets(label: string): boolean {
  return ofTargets.includes(label)
}

/** The matchers that select no series of a variant. The value of a variable is unknown, and not empty. */
export function failingMatchers(
  { labels, values }: SeriesVariant,
  matchers: readonly Matcher[],
  matchesEmpty: MatchesEmpty = () => false,
): Matcher[] {
  return matchers.filter(matcher => {
    if ((matcher.label === '__name__' && !labels.has('__name__')) || !isPlain(matcher.label)) return false
    const possible = labels.has(matcher.label) ? values[matcher.label] : ['']
    return possible !== undefined && !possible.some(value => isMatched(matcher, value, matchesEmpty))
  })
}

/** The variants that the matchers can select, or if there is none, the first with the fewest failing matchers. */
export function nearestVariants(variants: readonly SeriesVariant[], matchers: readonly Matcher[]): SeriesVariant[] {
  const failing = variants.map(variant => failingMatchers(variant, matchers).length)
  const fewest = Math.min(...failing)
  const nearest = variants.filter((_, at) => failing[at] === fewest)
  return fewest === 0 ? nearest : nearest.slice(0, 1)
}

function isMatched({ op, value: pattern }: Matcher, value: string, matchesEmpty: MatchesEmpty): boolean {
  const isNegative = op.startsWith('!')
  const variables = variablesIn(pattern)
  if (variables.length > 0) return isNegative || value !== '' || (op === '=~' && variables.every(matchesEmpty))
  return (op.endsWith('~') ? isRegexMatch(pattern, value) : pattern === value) !== isNegative
}

/** Whether a regular expression matches a value. An invalid one, which other rules report, does. */
export function isRegexMatch(pattern: string, value: string): boolean {
  let matches = true
  patternError(() => {
    matches = promqlRegex(pattern)(value)
  })
  return matches
}
