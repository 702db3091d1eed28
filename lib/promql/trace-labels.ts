import { type Aggregate, type Binary, type Expr, isPlain, type Selector } from './promql-ast.ts'
import { typeOf } from './promql-types.ts'

/** The possible labels of series; undefined where unknown. */
export type Labels = ReadonlySet<string> | undefined

/** A label that is used where no series can have it. */
export interface LabelFault {
  label: string
  message: string
  offset: number
}

const none: ReadonlySet<string> = new Set()
/** Aggregations that select series and keep their labels. */
const picks = ['topk', 'bottomk', 'limitk', 'limit_ratio']

/**
 * The possible labels of an expression's series, by Prometheus' rules of aggregation, matching and `label_replace`,
 * given those of each metric; and the labels that are used (in matchers, grouping, joins) where no series has them.
 */
export function traceLabels(expr: Expr, of: (metric: string) => Labels): { labels: Labels; faults: LabelFault[] } {
  const faults: LabelFault[] = []
  const labels = new Trace(of, faults).labels(expr)
  return { labels, faults }
}

class Trace {
  readonly #of: (metric: string) => Labels
  readonly #faults: LabelFault[]

  constructor(of: (metric: string) => Labels, faults: LabelFault[]) {
    this.#of = of
    this.#faults = faults
  }

  labels(expr: Expr): Labels {
    switch (expr.kind) {
      case 'number':
      case 'string':
        return none
      case 'variable':
        return undefined
      case 'selector':
        return this.#selector(expr, expr.from)
      case 'range':
      case 'subquery':
      case 'unary':
        return this.labels(expr.expr)
      case 'call':
        return this.#call(expr.name, expr.args, expr.from)
      case 'aggregate':
        return this.#aggregate(expr, expr.from)
      case 'binary':
        return this.#binary(expr, expr.from)
    }
  }

  #selector({ metric, matchers }: Selector, offset: number): Labels {
    if (metric === undefined || !isPlain(metric)) return undefined
    const labels = this.#of(metric)
    const wanted = matchers.map(({ label }) => label).filter(label => label !== '__name__')
    this.#want(wanted, labels, `${metric} has no label`, offset)
    return labels
  }

  #call(name: string, args: readonly Expr[], offset: number): Labels {
    const all = args.map(arg => this.labels(arg))
    const vector = args.findIndex(arg => !['scalar', 'string'].includes(typeOf(arg)))
    const inner = vector === -1 ? none : all[vector]
    const texts = args.map(arg => (arg.kind === 'string' ? arg.value : ''))
    switch (name) {
      case 'label_replace':
        this.#want([texts[3] ?? ''], inner, 'label_replace() reads a label that is not there:', offset)
        return plus(inner, [texts[1] ?? ''])
      case 'label_join':
        this.#want(texts.slice(3), inner, 'label_join() reads a label that is not there:', offset)
        return plus(inner, [texts[1] ?? ''])
      case 'histogram_quantile':
        this.#want(
          ['le'],
          inner,
          'histogram_quantile() needs the buckets’ label, which is grouped away or never there:',
          offset,
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

  #aggregate({ op, grouping, labels, args }: Aggregate, offset: number): Labels {
    const inner = this.labels(args.at(-1) ?? { kind: 'number', value: 0, from: offset, to: offset })
    if (grouping === 'by') this.#want(labels, inner, `${op} by (…) groups by a label that is not there:`, offset)
    if (picks.includes(op)) return inner
    const [first] = args
    const made = op === 'count_values' && first?.kind === 'string' ? [first.value] : []
    if (grouping === 'without') return plus(minus(inner, labels), made)
    return labels.every(isPlain) ? new Set([...labels, ...made]) : undefined
  }

  #binary(expr: Binary, offset: number): Labels {
    const { op, matching, matchingLabels, group, include } = expr
    const [left, right] = [this.labels(expr.left), this.labels(expr.right)]
    if (typeOf(expr.left) === 'scalar') return right
    if (typeOf(expr.right) === 'scalar') return left
    if (matching === 'on') {
      this.#want(matchingLabels, left, `the left side of "${op}" has no label to match on:`, offset)
      this.#want(matchingLabels, right, `the right side of "${op}" has no label to match on:`, offset)
    }
    if (op === 'and' || op === 'unless') return left
    if (op === 'or') return left === undefined || right === undefined ? undefined : new Set([...left, ...right])
    const [many, one] = group === 'right' ? [right, left] : [left, right]
    if (group !== 'none') {
      this.#want(include, one, `group_${group} takes over a label that is not there:`, offset)
      return include.every(isPlain) ? plus(many, include) : undefined
    }
    if (matching === 'on') return matchingLabels.every(isPlain) ? new Set(matchingLabels) : undefined
    return matching === 'ignoring' ? minus(left, matchingLabels) : left
  }

  #want(wanted: readonly string[], labels: Labels, what: string, offset: number): void {
    if (labels === undefined) return
    for (const label of wanted) {
      if (label === '' || !isPlain(label) || labels.has(label)) continue
      const there = labels.size === 0 ? 'there are no labels' : `there are ${[...labels].sort().join(', ')}`
      this.#faults.push({ label, message: `${what} ${label} (${there})`, offset })
    }
  }
}

function plus(labels: Labels, more: readonly string[]): Labels {
  return labels === undefined ? undefined : new Set([...labels, ...more])
}

function minus(labels: Labels, less: readonly string[]): Labels {
  return labels === undefined ? undefined : new Set([...labels].filter(label => !less.includes(label)))
}
