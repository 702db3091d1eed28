import { type Expr, walk } from '../../promql/promql-ast.ts'
import { type Fault, fault } from './finding.ts'
import type { FindSeries, LabMetrics } from './lab-metrics.ts'

/** Functions that handle counter resets. */
const forCounters = ['rate', 'irate', 'increase', 'resets']
/** Functions that treat a decrease as one. */
const forGauges = ['delta', 'idelta', 'deriv', 'predict_linear', 'double_exponential_smoothing']
/** Functions of a range that return its values or combinations of them: of a counter they are still a counter. */
const ofValues = /^(?:avg|min|max|sum|last|first|quantile|stddev|stdvar|mad)_over_time$/
/** Functions whose result does not depend on the value. */
const onlyPresence = /^(?:absent|timestamp|changes|(?:absent|count|present|ts_of_\w+)_over_time)$/

/**
 * Finds functions that do not fit the type of their metric, and counters that are shown without a function: their
 * value depends on the age of the process.
 */
export function functionFaults(expr: Expr, { known }: LabMetrics): Fault[] {
  const messages = [...walk(expr)].flatMap(({ expr: each, around }) => {
    if (each.kind !== 'selector' || each.metric === undefined) return []
    const type = known(each.metric)?.type
    if (type === 'counter') return counterFault(each.metric, { selector: each, around, known }) ?? []
    return type === 'gauge' || type === 'summary' ? (gaugeFault(each.metric, around) ?? []) : []
  })
  return [...new Set(messages)].map(message => fault('function', message))
}

function gaugeFault(metric: string, around: readonly Expr[]): string | undefined {
  const name = around.find(each => each.kind === 'call' && forCounters.includes(each.name))
  if (name?.kind !== 'call') return undefined
  return `${metric} is a gauge and ${name.name}() is for counters; use the value itself, delta() or deriv()`
}

function counterFault(
  metric: string,
  { selector, around, known }: { selector: Expr; around: readonly Expr[]; known: FindSeries },
): string | undefined {
  let inside = selector
  for (const each of around) {
    if (each.kind === 'call') {
      if (forCounters.includes(each.name)) return summedFault(metric, each.name, around.slice(0, around.indexOf(each)))
      if (forGauges.includes(each.name))
        return `${metric} is a counter and ${each.name}() is for gauges; use rate() or increase()`
      if (ofValues.test(each.name))
        return `${metric} is a counter and ${each.name}() of it grows without end; use rate() or increase()`
      if (onlyPresence.test(each.name)) return undefined
    }
    if (each.kind === 'aggregate' && ['count', 'group', 'count_values'].includes(each.op)) return undefined
    // On the right side of these operators it only filters.
    if (each.kind === 'binary' && ['and', 'unless'].includes(each.op) && each.right === inside) return undefined
    // The difference of two counters: started minus finished is running.
    if (each.kind === 'binary' && each.op === '-' && hasCounter(each.left === inside ? each.right : each.left, known))
      return undefined
    inside = each
  }
  return `${metric} is a counter shown as it is; use rate(${metric}[$__rate_interval]) or increase()`
}

function hasCounter(expr: Expr, known: FindSeries): boolean {
  return [...walk(expr)].some(
    ({ expr: each }) => each.kind === 'selector' && known(each.metric ?? '')?.type === 'counter',
  )
}

/** `rate(sum(x)[5m:])`: a reset of one summed counter looks like a reset of all. */
function summedFault(metric: string, name: string, between: readonly Expr[]): string | undefined {
  const summed = between.find(each => each.kind === 'aggregate')
  if (summed?.kind !== 'aggregate') return undefined
  return `${name}() of ${summed.op}() of the counter ${metric} takes each restart for a new start of all; use ${summed.op}(${name}(…))`
}
