import {
  type Aggregate,
  type Binary,
  type Expr,
  isPlain,
  type Matcher,
  type Selector,
  type Span,
} from './promql-ast.ts'
import { typeOf } from './promql-types.ts'

/** The possible labels of series; undefined where unknown. */
export type Labels = ReadonlySet<string> | undefined

/** A label that is used where no series can have it. */
export interface LabelFault {
  label: string
  /** The possible labels, sorted. */
  there: readonly string[]
  message: string
  offset: number
}

const none: ReadonlySet<string> = new Set()
/** Aggregations that select series and keep their labels. */
const picks = ['topk', 'bottomk', 'limitk', 'limit_ratio']

/**
 * The possible labels of an expression's series, by Prometheus' rules of aggregation, matching and `label_replace`,
 * given those of each metric's series that matchers can select; and the labels that are used (in matchers, grouping, joins) where no series
 * has them.
 */
export function traceLabels(
  expr: Expr,
  of: (metric: string, matchers: readonly Matcher[]) => Labels,
): { labels: Labels; faults: LabelFault[] } {
  const faults: LabelFault[] = []
  return { labels: labelsOf(expr), faults }

  function labelsOf(expr: Expr): Labels {
    switch (expr.kind) {
      case 'number':
      case 'string':
        return none
      case 'variable':
        return undefined
      case 'selector':
        return ofSelector(expr)
      case 'range':
      case 'subquery':
      case 'unary':
        return labelsOf(expr.expr)
      case 'call':
        return ofCall(expr)
      case 'aggregate':
        return ofAggregate(expr)
      case 'binary':
        return ofBinary(expr)
    }
  }

  function ofSelector({ metric, matchers, from }: Selector & Span): Labels {
    if (metric === undefined || !isPlain(metric)) return undefined
    const labels = of(metric, matchers)
    // `label=""` selects series without the label.
    const wanted = matchers.filter(({ label, op, value }) => label !== '__name__' && `${op}${value}` !== '=')
    want(
      wanted.map(({ label }) => label),
      labels,
      `${metric} has no label`,
      from,
    )
    return labels
  }

  function ofCall({ name, args, from }: Expr & { kind: 'call' }): Labels {
    const all = args.map(labelsOf)
    const vector = args.findIndex(arg => !['scalar', 'string'].includes(typeOf(arg)))
    const inner = vector === -1 ? none : all[vector]
    const texts = args.map(arg => (arg.kind === 'string' ? arg.value : ''))
    switch (name) {
      case 'label_replace':
      case 'label_join':
        want(
          texts.slice(3, name === 'label_join' ? undefined : 4),
          inner,
          `${name}() reads a label that is not there:`,
          from,
        )
        return plus(inner, [texts[1] ?? ''])
      case 'histogram_quantile':
        want(
          ['le'],
          inner,
          'histogram_quantile() needs the buckets’ label, which is grouped away or never there:',
          from,
        )
        return minus(inner, ['le'])
      case 'absent':
      case 'absent_over_time': {
        const [arg] = args
        const selector = arg?.kind === 'range' ? arg.expr : arg
        if (selector?.kind !== 'selector') return none
        return new Set(selector.matchers.filter(({ op }) => op === '=').map(({ label }) => label))
      }
      case 'scalar':
        return none
      case 'info':
        return undefined
      default:
        return inner
    }
  }

  function ofAggregate({ op, grouping, labels, args, from }: Aggregate & Span): Labels {
    const [first] = args
    const last = args.at(-1)
    const inner = last === undefined ? none : labelsOf(last)
    if (grouping === 'by') want(labels, inner, `${op} by (…) groups by a label that is not there:`, from)
    if (picks.includes(op)) return inner
    const made = op === 'count_values' && first?.kind === 'string' ? [first.value] : []
    if (grouping === 'without') return plus(minus(inner, labels), made)
    return labels.every(isPlain) ? new Set([...labels, ...made]) : undefined
  }

  function ofBinary(expr: Binary & Span): Labels {
    const { op, matching, matchingLabels, group, include, from } = expr
    const [left, right] = [labelsOf(expr.left), labelsOf(expr.right)]
    if (typeOf(expr.left) === 'scalar') return right
    if (typeOf(expr.right) === 'scalar') return left
    if (matching === 'on') {
      want(matchingLabels, left, `the left side of "${op}" has no label to match on:`, from)
      want(matchingLabels, right, `the right side of "${op}" has no label to match on:`, from)
    }
    if (op === 'and' || op === 'unless') return left
    if (op === 'or') return left === undefined || right === undefined ? undefined : new Set([...left, ...right])
    const [many, one] = group === 'right' ? [right, left] : [left, right]
    if (group !== 'none') {
      want(include, one, `group_${group} takes over a label that is not there:`, from)
      return include.every(isPlain) ? plus(many, include) : undefined
    }
    if (matching === 'on') return matchingLabels.every(isPlain) ? new Set(matchingLabels) : undefined
    return matching === 'ignoring' ? minus(left, matchingLabels) : left
  }

  function want(wanted: readonly string[], labels: Labels, what: string, offset: number): void {
    if (labels === undefined) return
    for (const label of wanted) {
      if (label === '' || !isPlain(label) || labels.has(label)) continue
      const there = [...labels].sort()
      const listed = there.length === 0 ? 'there are no labels' : `there are ${there.join(', ')}`
      faults.push({ label, there, message: `${what} ${label} (${listed})`, offset })
    }
  }
}

function plus(labels: Labels, more: readonly string[]): Labels {
  return labels === undefined ? undefined : new Set([...labels, ...more])
}

function minus(labels: Labels, less: readonly string[]): Labels {
  return labels === undefined ? undefined : new Set([...labels].filter(label => !less.includes(label)))
}
