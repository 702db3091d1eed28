import { nearestName } from '../../cli/nearest-name.ts'
import type { Variable } from '../../grafana/dashboard-model.ts'
import { isConstant } from '../../promql/constant.ts'
import { type Expr, isPlain, walk } from '../../promql/promql-ast.ts'
import { type ParsedQuery, selectorsOf } from '../../promql/promql-parser.ts'
import { typeOf } from '../../promql/promql-types.ts'
import { dialectFaults } from './dialect-rules.ts'
import { type Fault, fault } from './finding.ts'
import { functionFaults } from './function-rules.ts'
import { type LabMetrics, tracedLabels } from './lab-metrics.ts'
import { failingMatchers, isOfTargets, nearestVariants } from './series-variants.ts'

/**
 * The faults of one query without its panel, with the variables of its dashboard. A query that does not parse, or can't be read, has only
 * that fault.
 */
export function queryFaults(parsed: ParsedQuery, lab: LabMetrics, variables: readonly Variable[] = []): Fault[] {
  const { faults, expr, unread } = parsed
  if (unread !== undefined) return [fault('unread', `${unread}: not checked`)]
  if (faults.length > 0 || expr === undefined)
    return faults.map(({ message, line, column }) => fault('parse', `line ${line}, column ${column}: ${message}`))
  return [
    ...(isConstant(expr) ? [fault('constant', CONSTANT)] : []),
    ...metricFaults(expr, lab),
    ...dialectFaults(expr, lab, variables),
    ...labelFaults(expr, lab),
    ...valueFaults(expr, lab),
    ...functionFaults(expr, lab),
    ...ratioFaults(expr, lab),
    ...rateIntervalFaults(expr),
  ]
}

const CONSTANT = 'the query is a constant, the same whatever is measured; ask for a metric, or leave the panel out'

function metricFaults(expr: Expr, { known, nearest, partlyListed }: LabMetrics): Fault[] {
  const names = new Set(selectorsOf(expr).flatMap(({ metric }) => metric ?? []))
  return [...names].filter(isPlain).flatMap((name): Fault[] => {
    const series = known(name)
    if (series?.type === 'histogram') {
      const parts = `${name}_bucket, ${name}_sum or ${name}_count`
      return [fault('spelling', `${name} is a histogram and has no series of that name; use ${parts}`)]
    }
    if (series !== undefined) return []
    if (name.includes(':')) return [fault('recorded', `no rule records ${name}`, name)]
    const near = nearest(name)
    if (near === undefined && partlyListed.some(beginning => name.startsWith(beginning)))
      return [fault('unlisted', `the catalog does not list ${name}`, name)]
    if (near === undefined) return [fault('absent', `the lab has no metric ${name}`, name)]
    return [fault('spelling', `the lab has no metric ${name}; did you mean ${near}?`)]
  })
}

/** Matchers whose value none of the series has. */
function valueFaults(expr: Expr, { known }: LabMetrics): Fault[] {
  return selectorsOf(expr).flatMap(({ metric = '', matchers }) => {
    const [variant] = nearestVariants(known(metric)?.variants ?? [], matchers)
    if (variant === undefined) return []
    return failingMatchers(variant, matchers)
      .filter(({ label }) => variant.labels.has(label))
      .map(({ label, op, value }) => {
        const written = `${label}${op}"${value}"`
        const text = `${metric} has no series with ${written} (only ${variant.values[label]?.join(', ')})`
        return isOfTargets(label) ? fault('absent value', text, written) : fault('value', text)
      })
  })
}

function labelFaults(expr: Expr, { known, labels: everywhere }: LabMetrics): Fault[] {
  const { faults } = tracedLabels(expr, known)
  const traced = new Set(faults.map(({ label }) => label))
  // The labels of an unknown metric are unknown.
  const isKnown = selectorsOf(expr).every(({ metric }) => metric === undefined || !isPlain(metric) || known(metric))
  const unknown = mentionedLabels(expr).filter(
    label => isKnown && isPlain(label) && !everywhere.has(label) && !traced.has(label),
  )
  // A missing label is reported once, not for each of its uses.
  const first = faults.filter(({ label }, at) => faults.findIndex(each => each.label === label) === at)
  return [
    ...first.map(({ label, there, message }) => {
      const near = label.length < 5 ? undefined : nearestName(label, there)
      return near === undefined
        ? fault('label', message, label)
        : fault('spelling', `${message}; did you mean ${near}?`, label)
    }),
    ...unknown.map(label => fault('label', `no metric of the lab has the label ${label}`, label)),
  ]
}

/** The labels that a query uses and does not create, each once. */
function mentionedLabels(expr: Expr): string[] {
  const used = new Set<string>()
  const made = new Set(['__name__', 'le', 'quantile'])
  for (const { expr: each } of walk(expr)) {
    if (each.kind === 'selector') for (const { label } of each.matchers) used.add(label)
    if (each.kind === 'aggregate') for (const label of each.labels) used.add(label)
    if (each.kind === 'binary') for (const label of [...each.matchingLabels, ...each.include]) used.add(label)
    if (each.kind !== 'call' && each.kind !== 'aggregate') continue
    const name = each.kind === 'call' ? each.name : each.op
    const at = name === 'count_values' ? 0 : name === 'label_replace' || name === 'label_join' ? 1 : -1
    const arg = each.args[at]
    if (arg?.kind === 'string') made.add(arg.value)
  }
  return [...used].filter(label => !made.has(label))
}

/** Functions that return a ratio for each ratio. */
const perValue = /^(?:abs|ceil|floor|round|clamp|clamp_min|clamp_max|sort\w*|label_replace|label_join)$/

/** `sum(a / b)` adds up ratios: ten pods at 50 % show 500 %. It is harmless where each sum has one ratio. */
function ratioFaults(expr: Expr, { known }: LabMetrics): Fault[] {
  return [...walk(expr)].flatMap(({ expr: each }): Fault[] => {
    if (each.kind !== 'aggregate' || each.op !== 'sum') return []
    const [inner] = each.args
    if (inner === undefined || !isRatio(inner)) return []
    const { labels } = tracedLabels(inner, known)
    const adds = labels === undefined || [...labels].some(label => !each.labels.includes(label))
    if (each.grouping === 'by' && !adds) return []
    return [fault('ratio', 'the query sums ratios; divide the sums instead: sum(a) / sum(b)')]
  })
}

/** Whether an expression is a quotient of two vectors, also in percent, clamped, or the maximum of several. */
function isRatio(expr: Expr): boolean {
  if (expr.kind === 'unary') return isRatio(expr.expr)
  if (expr.kind === 'call') return perValue.test(expr.name) && expr.args.slice(0, 1).some(isRatio)
  if (expr.kind === 'aggregate') return ['avg', 'max', 'min'].includes(expr.op) && expr.args.slice(-1).some(isRatio)
  if (expr.kind !== 'binary' || expr.bool) return false
  const { left, right, op } = expr
  const [ofLeft, ofRight] = [left, right].map(side => typeOf(side) === 'vector')
  if (ofLeft && ofRight) return op === '/'
  return ofLeft ? isRatio(left) : op !== '/' && isRatio(right)
}

/**
 * A fixed range misses samples with a longer collection interval, and `$__interval` is shorter than two of them when
 * zoomed in.
 */
function rateIntervalFaults(expr: Expr): Fault[] {
  return [...walk(expr)].flatMap(({ expr: each, around }): Fault[] => {
    const [call] = around
    if (each.kind !== 'range' || call?.kind !== 'call' || !['rate', 'irate', 'increase'].includes(call.name)) return []
    const range = each.range.replace(/^\$\{(\w+)(?::\w+)?\}$|^\[\[(\w+)\]\]$/, '$$$1$2')
    // The increase over the whole time range is not a rate.
    if (range === '$__rate_interval' || (range === '$__range' && call.name === 'increase')) return []
    return [fault('rate-interval', `${call.name}() looks back [${each.range}]; use [$__rate_interval]`)]
  })
}
