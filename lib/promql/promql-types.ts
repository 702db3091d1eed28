import { type Binary, COMPARISONS, type Expr, type Matcher, partsOf, type Selector, type Span } from './promql-ast.ts'
import { patternError, promqlRegex } from './promql-regex.ts'
import { variableAt, variablesIn } from './query-variables.ts'

/** The type of an expression; `any` for a Grafana variable. */
export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix' | 'any'

/**
 * The arguments of functions by letter: scalar, string (`t` for text), vector, matrix; those after `?` are optional,
 * `*` repeats the last.
 */
const signatures: Readonly<Record<string, string>> = {
  'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time':
    'm',
  'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad scalar sgn sin sinh sort sort_desc sqrt start_timestamp tan tanh timestamp':
    'v',
  'day_of_month day_of_week day_of_year days_in_month hour minute month year': '?v',
  'clamp_max clamp_min': 'vs',
  clamp: 'vss',
  double_exponential_smoothing: 'mss',
  histogram_fraction: 'ssv',
  histogram_quantile: 'sv',
  histogram_quantiles: 'vts*',
  info: 'v?v',
  label_join: 'vttt*',
  label_replace: 'vtttt',
  'pi time': '',
  predict_linear: 'ms',
  quantile_over_time: 'sm',
  round: 'v?s',
  'sort_by_label sort_by_label_desc': 'vt*',
  vector: 's',
}

const letters: Readonly<Record<string, ValueType>> = { s: 'scalar', t: 'string', v: 'vector', m: 'matrix' }
const words: Readonly<Record<ValueType, string>> = {
  scalar: 'a number',
  string: 'a string',
  vector: 'an instant vector',
  matrix: 'a range vector, like metric[$__rate_interval]',
  any: 'anything',
}
/** The arguments of aggregations with a parameter before the vector. */
const aggregations: Readonly<Record<string, string>> = {
  'topk bottomk quantile limitk limit_ratio': 'sv',
  count_values: 'tv',
}
const setOperators = ['and', 'or', 'unless']

/** The type of an expression as in Prometheus' parser (promql/parser/functions.go and parse.go, v3). */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'variable':
      return 'any'
    case 'range':
    case 'subquery':
      return 'matrix'
    case 'unary':
      return typeOf(expr.expr)
    case 'call':
      return ['scalar', 'time', 'pi'].includes(expr.name) ? 'scalar' : 'vector'
    case 'binary': {
      const both = [typeOf(expr.left), typeOf(expr.right)]
      if (both.includes('vector')) return 'vector'
      return both.includes('any') ? 'any' : 'scalar'
    }
    default:
      return expr.kind === 'aggregate' && !/^\w+$/.test(expr.op) ? 'any' : 'vector'
  }
}

/** An error and its offset in the written text. */
export interface TypeFault {
  message: string
  offset: number
}

/** The wrong types and numbers of arguments in an expression. */
export function typeFaults(expr: Expr): TypeFault[] {
  const isMatrix = typeOf(expr) === 'matrix'
  const whole = { message: "a range vector can't be shown; wrap it in a function such as rate()", offset: expr.from }
  return [...(isMatrix ? [whole] : []), ...faultsIn(expr)]
}

function faultsIn(expr: Expr): TypeFault[] {
  return [...ownFaults(expr), ...partsOf(expr).flatMap(faultsIn)]
}

/** The faults of an expression without those of its parts. */
function ownFaults(expr: Expr): TypeFault[] {
  switch (expr.kind) {
    case 'selector':
      return selectorFaults(expr)
    case 'subquery':
      return wants('a subquery', expr.expr, 'vector', 'scalar')
    case 'unary':
      return wants(expr.op, expr.expr, 'vector', 'scalar')
    case 'call':
      return callFaults(expr)
    case 'aggregate': {
      const { op, args, from } = expr
      // A variable as operator can also be a function.
      return /^\w+$/.test(op) ? argumentFaults(op, args, signatureOf(op, aggregations) ?? 'v', from) : []
    }
    case 'binary': {
      const { op, left, right, bool, from: offset } = expr
      const types: ValueType[] = setOperators.includes(op) ? ['vector'] : ['vector', 'scalar']
      const scalars = typeOf(left) === 'scalar' && typeOf(right) === 'scalar'
      const noBool = scalars && COMPARISONS.includes(op) && !bool
      return [
        ...wants(op, left, ...types),
        ...wants(op, right, ...types),
        ...(noBool ? [{ message: `${op} between numbers wants bool`, offset }] : []),
        ...matchingFaults(expr),
      ]
    }
    default:
      return []
  }
}

function wants(what: string, part: Expr, ...types: ValueType[]): TypeFault[] {
  const type = typeOf(part)
  if (type === 'any' || types.includes(type)) return []
  const wanted = types.map(each => words[each]).join(' or ')
  return [{ message: `${what} wants ${wanted}, not ${words[type].split(',')[0]}`, offset: part.from }]
}

/** Prometheus refuses patterns that are not RE2, and a selector without a matcher that excludes the empty value. */
function selectorFaults({ metric, matchers, hidden, from }: Selector & Span): TypeFault[] {
  const wrong = matchers.flatMap(({ label, op, value }) =>
    op === '=~' || op === '!~' ? patternFaults(`the matcher of ${label}`, value, from) : [],
  )
  if (wrong.length > 0 || metric !== undefined || hidden || !matchers.every(matchesNothing)) return wrong
  return [{ message: 'a selector needs a metric, or a matcher that no empty value fits', offset: from }]
}

function patternFaults(what: string, pattern: string, offset: number): TypeFault[] {
  const error = patternError(() => promqlRegex(withoutVariables(pattern)))
  return error === undefined
    ? []
    : [{ message: `${what} is ${pattern}, which is not an RE2 pattern: ${error.why}`, offset }]
}

/** A pattern with a plain character in place of each Grafana variable. */
function withoutVariables(pattern: string): string {
  let text = ''
  for (let at = 0; at < pattern.length; ) {
    const variable = variableAt(pattern, at)
    text += variable === undefined ? pattern.charAt(at) : '_'
    at += variable?.text.length ?? 1
  }
  return text
}

function matchesNothing({ op, value }: Matcher): boolean {
  if (variablesIn(value).length > 0) return false
  if (op === '=' || op === '!=') return (op === '=') === (value === '')
  return promqlRegex(value)('') === (op === '=~')
}

function matchingFaults({ op, group, matching, matchingLabels, include, from }: Binary & Span): TypeFault[] {
  if (group === 'none') return []
  if (setOperators.includes(op)) return [{ message: `${op} takes no group_${group}`, offset: from }]
  const twice = matching === 'on' ? include.filter(label => matchingLabels.includes(label)) : []
  return twice.map(label => ({ message: `the label ${label} is both in on() and in group_${group}()`, offset: from }))
}

function callFaults({ name, args, from }: Expr & { kind: 'call' }): TypeFault[] {
  const signature = signatureOf(name, signatures)
  // The grammar can know newer functions than this table.
  if (signature === undefined) return []
  const pattern = name === 'label_replace' ? args[4] : undefined
  return [
    ...argumentFaults(name, args, signature, from),
    ...(pattern?.kind === 'string' ? patternFaults('the pattern of label_replace()', pattern.value, pattern.from) : []),
  ]
}

function signatureOf(name: string, table: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(table).find(([names]) => names.split(' ').includes(name))?.[1]
}

function argumentFaults(name: string, args: readonly Expr[], signature: string, offset: number): TypeFault[] {
  const types = [...signature.replace(/[?*]/g, '')].map(letter => letters[letter] ?? 'any')
  const isOpen = signature.endsWith('*')
  const least = signature.includes('?') ? signature.indexOf('?') : types.length - (isOpen ? 1 : 0)
  if (args.length < least || (args.length > types.length && !isOpen)) {
    const count = isOpen ? `at least ${least}` : least === types.length ? `${least}` : `${least} or ${types.length}`
    return [{ message: `${name}() wants ${count} arguments, not ${args.length}`, offset }]
  }
  return args.flatMap((arg, at) => wants(`${name}()`, arg, types[Math.min(at, types.length - 1)] ?? 'any'))
}
