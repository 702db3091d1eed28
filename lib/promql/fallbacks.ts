import { isConstant } from './constant.ts'
import { type Expr, walk } from './promql-ast.ts'
import { parsePromql } from './promql-parser.ts'

/** `operand or constant`: a number that is shown when the operand has no series. */
export interface Fallback {
  operand: Expr
  /** The text of the operand as a query of its own. */
  text: string
  /** The constant: `vector(0)`. */
  constant: string
  /** It is in a subquery, so its operand is evaluated at other times. */
  isInSubquery: boolean
}

/** All fallbacks in a query: `or vector(0)` and `or 0 * x`. */
export function fallbacksOf(query: string): Fallback[] {
  const { expr } = parsePromql(query)
  if (expr === undefined) return []
  return [...walk(expr)].flatMap(({ expr: each, around }) => {
    if (each.kind !== 'binary' || each.op !== 'or' || !isConstant(each.right) || isConstant(each.left)) return []
    const { left, right } = each
    const text = textOfPart(left, query)
    const isInSubquery = around.some(({ kind }) => kind === 'subquery')
    return [{ operand: left, text, constant: query.slice(right.from, right.to), isInSubquery }]
  })
}

/** The text of a part of a query as a query of its own. */
export function textOfPart(part: Expr, query: string): string {
  return `${query.slice(part.from, part.to)} ${movedBy(part)}`.trim()
}

/** The `offset` or `@` after an expression, which its span does not include. */
function movedBy(expr: Expr): string {
  if (expr.kind === 'binary') return movedBy(expr.right)
  return expr.kind === 'unary' ? movedBy(expr.expr) : (expr.moved ?? '')
}
