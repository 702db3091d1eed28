import { type Expr, partsOf, walk } from './promql-ast.ts'

/** Functions of time, which differ by evaluation without a metric. */
const clocks = /^(?:time|day_of_(?:month|week|year)|days_in_month|hour|minute|month|year)$/

/**
 * Whether a query returns the same number whatever is measured: `0`, `vector(1)`, `1 - 1`; also with a metric that
 * can't change it: `x * 0`, `x - x`, `x / x`. A variable may be a metric, so it is not constant.
 */
export function isConstant(expr: Expr): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true
    case 'selector':
    case 'variable':
      return false
    case 'call':
      if (clocks.test(expr.name)) return expr.args.length > 0 && isConstant(expr.args[0] ?? expr)
      return expr.args.length === 0 || expr.args.every(isConstant)
    case 'binary':
      if (expr.op === '*' && [expr.left, expr.right].some(isZero)) return true
      if (['-', '/'].includes(expr.op) && same(expr.left, expr.right)) return true
      return isConstant(expr.left) && isConstant(expr.right)
    default:
      return partsOf(expr).every(isConstant)
  }
}

function isZero(expr: Expr): boolean {
  return expr.kind === 'number' && expr.value === 0
}

/** Whether two expressions are the same except for their offsets in the text. */
function same(left: Expr, right: Expr): boolean {
  const bare = (expr: Expr) =>
    JSON.stringify(expr, (key, value) => (key === 'from' || key === 'to' ? undefined : value))
  const asks = [...walk(left)].some(({ expr }) => expr.kind === 'selector')
  return asks && bare(left) === bare(right)
}
