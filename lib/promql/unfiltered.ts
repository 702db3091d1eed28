import { isConstant } from './constant.ts'
import { type Expr, partsOf } from './promql-ast.ts'
import { parsePromql } from './promql-parser.ts'

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<='])
/** What shows that something is not there, by what shows that it is. */
const ABSENCES: Readonly<Record<string, string>> = {
  absent: 'group',
  absent_over_time: 'present_over_time',
}

/**
 * A query without what lets only some of its series through: comparisons, `and`, `unless`; and with presence in place of
 * absence. Undefined when there is nothing of that in it, or it doesn't parse.
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

/** The side of which a comparison or a set operation lets series through. */
function keptOf(expr: Expr): Expr | undefined {
  if (expr.kind !== 'binary') return undefined
  const isComparison = COMPARISONS.has(expr.op) && !expr.bool && !isConstant(expr)
  if (!isComparison && expr.op !== 'and' && expr.op !== 'unless') return undefined
  // `0 < x` lets x through, as `x > 0` does.
  return isConstant(expr.left) ? expr.right : expr.left
}
