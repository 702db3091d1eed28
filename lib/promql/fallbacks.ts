import { isConstant } from './constant.ts'
import { type Expr, walk } from './promql-ast.ts'
import { parsePromql } from './promql-parser.ts'

/** `operand or constant`: a number that is shown where there is nothing to show. */
export interface Fallback {
  operand: Expr
  /** The operand as it can be asked alone. */
  text: string
  /** The constant: `vector(0)`. */
  constant: string
  /** It stands in a subquery, so that its operand has other times than the query. */
  isInSubquery: boolean
}

/** The fallbacks of a query, `or vector(0)` and `or 0 * x`, wherever they stand in it. */
export function fallbacksOf(query: string): Fallback[] {
  const { expr } = parsePromql(query)
  if (expr === undefined) return []
  return [...walk(expr)].flatMap(({ expr: each, around }) => {
    if (each.kind !== 'binary' || each.op !== 'or' || !isConstant(each.right) || isConstant(each.left)) return []
    const { left, right } = each
    const text = `${query.slice(left.from, left.to)} ${movedBy(left)}`.trim()
    const isInSubquery = around.some(({ kind }) => kind === 'subquery')
    return [{ operand: left, text, constant: query.slice(right.from, right.to), isInSubquery }]
  })
}

/** The `offset` or `@` at an expression's end, which its place in the text leaves out. */
function movedBy(expr: Expr): string {
  if (expr.kind === 'binary') return movedBy(expr.right)
  return expr.kind === 'unary' ? movedBy(expr.expr) : (expr.moved ?? '')
}
