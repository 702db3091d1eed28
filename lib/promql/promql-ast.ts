/** Where an expression stands in the text as it was written, Grafana's variables and all: offsets, the end exclusive. */
export interface Span {
  from: number
  to: number
  /** What moves it in time: `offset 1w`, `@ end()`. */
  moved?: string
}

/**
 * A PromQL expression. Parentheses are left out: they change nothing that is asked of it here. A name that a
 * Grafana variable makes up, whole or in part, keeps that variable as written (`$label`), so it is no plain name.
 */
export type Expr =
  | (Span & { kind: 'number'; value: number })
  | (Span & { kind: 'string'; value: string })
  /** A variable where an operand has to be: nothing is known of it. */
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
  /** Also from `{__name__="…"}`; undefined when none is named, or by a regular expression. */
  metric: string | undefined
  /** Without the one that names the metric. */
  matchers: readonly Matcher[]
  /** A variable stands for whole matchers, so that there may be more. */
  hidden: boolean
}

/** One label matcher, its value without quotes, variables as written. */
export interface Matcher {
  label: string
  op: '=' | '!=' | '=~' | '!~'
  value: string
}

/** `op by (labels) (args)`; neither `by` nor `without` is grouping by nothing. */
export interface Aggregate {
  kind: 'aggregate'
  op: string
  grouping: 'by' | 'without' | 'none'
  labels: readonly string[]
  args: readonly Expr[]
}

/** `left op right`, with how series of both sides find each other. */
export interface Binary {
  kind: 'binary'
  op: string
  left: Expr
  right: Expr
  bool: boolean
  matching: 'on' | 'ignoring' | 'all'
  matchingLabels: readonly string[]
  /** The side that may have several series for one of the other's. */
  group: 'left' | 'right' | 'none'
  /** The labels that the many take from the one. */
  include: readonly string[]
}

/** The expressions directly inside one. */
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

/** An expression and all in it, each with the expressions around it, the innermost first. */
export function* walk(expr: Expr, around: readonly Expr[] = []): Generator<{ expr: Expr; around: readonly Expr[] }> {
  yield { expr, around }
  for (const part of partsOf(expr)) yield* walk(part, [expr, ...around])
}

/** Whether a name is a plain one: no variable in it. */
export function isPlain(name: string): boolean {
  return !/[$[]/.test(name)
}
