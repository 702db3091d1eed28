/** The span of an expression in the written text, including Grafana's variables: offsets, the end exclusive. */
export interface Span {
  from: number
  to: number
  /** Its time modifiers: `offset 1w`, `@ end()`. */
  moved?: string
}

/**
 * A PromQL expression, without parentheses. A name with a Grafana variable keeps the variable as written (`$label`)
 * and is not a plain name.
 */
export type Expr =
  | (Span & { kind: 'number'; value: number })
  | (Span & { kind: 'string'; value: string })
  /** A variable in place of an operand. */
  | (Span & { kind: 'variable'; text: string })
  | (Span & Selector)
  /** `expr[range]`. */
  | (Span & { kind: 'range'; expr: Expr; range: string })
  | (Span & { kind: 'subquery'; expr: Expr; range: string; step: string })
  | (Span & { kind: 'call'; name: string; args: readonly Expr[] })
  | (Span & Aggregate)
  | (Span & Binary)
  | (Span & { kind: 'unary'; op: string; expr: Expr })

/** `metric{matchers}`. */
export interface Selector {
  kind: 'selector'
  /** Also from `{__name__="…"}`; undefined without a name, or with a regular expression. */
  metric: string | undefined
  /** Without the matcher of the metric's name. */
  matchers: readonly Matcher[]
  /** A variable replaces whole matchers, so that there can be more. */
  hidden: boolean
}

/** One label matcher: its value without quotes, with variables as written. */
export interface Matcher {
  label: string
  op: '=' | '!=' | '=~' | '!~'
  value: string
}

/** `op by (labels) (args)`; without a clause it groups by no label. */
export interface Aggregate {
  kind: 'aggregate'
  op: string
  grouping: 'by' | 'without' | 'none'
  labels: readonly string[]
  args: readonly Expr[]
}

/** `left op right`, with the matching of their series. */
export interface Binary {
  kind: 'binary'
  op: string
  left: Expr
  right: Expr
  bool: boolean
  matching: 'on' | 'ignoring' | 'all'
  matchingLabels: readonly string[]
  /** The side with several series for one of the other side. */
  group: 'left' | 'right' | 'none'
  /** The labels that the many side takes from the one side. */
  include: readonly string[]
}

/** The direct subexpressions. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'range':
    case 'subquery':
    case 'unary':
      return [expr.expr]
    case 'call':
    case 'aggregate':
      return expr.args
    case 'binary':
      return [expr.left, expr.right]
    default:
      return []
  }
}

/** The direct subexpressions without whose series an expression has none: not those of a function of absence, or behind `unless`. */
export function neededParts(expr: Expr): readonly Expr[] {
  if (expr.kind === 'call' && expr.name.startsWith('absent')) return []
  return expr.kind === 'binary' && expr.op === 'unless' ? [expr.left] : partsOf(expr)
}

/** An expression and all its subexpressions, each with those around it, innermost first. */
export function* walk(expr: Expr, around: readonly Expr[] = []): Generator<{ expr: Expr; around: readonly Expr[] }> {
  yield { expr, around }
  for (const part of partsOf(expr)) yield* walk(part, [expr, ...around])
}

/** The operators that compare values. */
export const COMPARISONS: readonly string[] = ['==', '!=', '>', '<', '>=', '<=']

/** Whether a name has no variable. */
export function isPlain(name: string): boolean {
  return !/[$[]/.test(name)
}
