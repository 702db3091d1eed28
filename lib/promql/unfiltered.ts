import { isConstant } from './constant.ts'
import { COMPARISONS, type Expr, partsOf } from './promql-ast.ts'
import { parsePromql } from './promql-parser.ts'

/** Functions of absence, by those of presence. */
const ABSENCES: Readonly<Record<string, string>> = {
  absent: 'group',
  absent_over_time: 'present_over_time',
}

/**
 * A query without its filters: comparisons, `and`, `unless`; and with presence instead of absence. Undefined without
 * a filter, or when it does not parse.
 */
export function unfiltered(query: string): string | undefined {
  const { expr } = parsePromql(query)
  if (expr === undefined) return undefined
  let isFiltered = false
  const text = query.slice(0, expr.from) + rewritten(expr) + query.slice(expr.to)
  return isFiltered ? text : undefined

  function rewritten(each: Expr): string {
    const kept = keptOf(each)
    if (kept !== undefined) {
      isFiltered = true
      return `(${rewritten(kept)})`
    }
    let [written, at] = ['', each.from]
    const presence = each.kind === 'call' ? ABSENCES[each.name] : undefined
    if (each.kind === 'call' && presence !== undefined) {
      isFiltered = true
      written = presence
      at += each.name.length
    }
    for (const part of [...partsOf(each)].sort((a, b) => a.from - b.from)) {
      written += query.slice(at, part.from) + rewritten(part)
      at = part.to
    }
    return written + query.slice(at, each.to)
  }
}

/** The side whose series a comparison or a set operation returns. */
function keptOf(expr: Expr): Expr | undefined {
  if (expr.kind !== 'binary') return undefined
  const isComparison = COMPARISONS.includes(expr.op) && !expr.bool && !isConstant(expr)
  if (!isComparison && expr.op !== 'and' && expr.op !== 'unless') return undefined
  // `0 < x` returns x, as `x > 0` does.
  return isConstant(expr.left) ? expr.right : expr.left
}
