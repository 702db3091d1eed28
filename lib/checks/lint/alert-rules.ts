import { durationMs } from '../../promql/durations.ts'
import { type Expr, neededParts, partsOf, walk } from '../../promql/promql-ast.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { type Fault, fault } from './finding.ts'
import { type LabMetrics, tracedLabels } from './lab-metrics.ts'
import { thresholdFaults, valueFormatFaults } from './unit-rules.ts'

/** The fields of an alert that are checked. */
export interface LintedAlert {
  expr: string
  for?: string | number | undefined
  labels?: Readonly<Record<string, unknown>>
  annotations?: Readonly<Record<string, unknown>>
}

/** A label in a template: `$labels.node`, or `index $labels "node"`. */
const TEMPLATE_LABEL = /\$labels\.(\w+)|index\s+\$labels\s+"([^"]+)"/g
/** A range of several samples: one sample alone does not make an alert fire. */
const LONG_RANGE_MS = 300_000

/** Faults of an alert, given those of its query: no duration, templates that do not fit the result, and a query that never has one. */
export function alertFaults(alert: LintedAlert, ofQuery: readonly Fault[], lab: LabMetrics): Fault[] {
  const { expr } = parsePromql(alert.expr)
  if (expr === undefined) return [...ofQuery]
  const texts = Object.entries({ ...alert.labels, ...alert.annotations }).map(([name, text]) => {
    return [name, String(text)] as const
  })
  const isInstant = [undefined, 0, '', '0', '0s', '0m'].includes(alert.for)
  return [
    ...withoutResult(expr, ofQuery),
    ...(isInstant && needsWait(expr)
      ? [fault('for', 'the alert has no "for": one sample makes it fire; set for: 5m, or so')]
      : []),
    ...templateFaults(expr, texts, lab),
    ...thresholdFaults(expr, lab),
    ...valueFormatFaults(expr, texts, lab),
  ]
}

/** Whether one odd sample can make an alert fire. Other alerts have waited already, and an age grows by itself. */
function needsWait(expr: Expr): boolean {
  const all = [...walk(expr)].map(({ expr: each }) => each)
  const waits = all.some(each => {
    if (each.kind === 'range' || each.kind === 'subquery') return (durationMs(each.range) ?? 0) >= LONG_RANGE_MS
    return each.kind === 'call' && each.name === 'time'
  })
  return !waits && all.some(each => each.kind === 'selector' && !each.metric?.startsWith('ALERTS'))
}

/** The faults of the query. Where the lab lacks what the alert needs, they say that it never fires. */
function withoutResult(expr: Expr, faults: readonly Fault[]): Fault[] {
  const isMissing = ({ rule }: Fault) => rule === 'absent' || rule === 'recorded'
  const missing = new Set(faults.filter(isMissing).map(({ subject }) => subject))
  if (canHaveResult(expr, missing)) return faults.filter(each => !isMissing(each) || isUsed(expr, each.subject))
  return faults.map(each =>
    isMissing(each) ? fault('never', `the alert can never fire here: ${each.message}`, each.subject) : each,
  )
}

function canHaveResult(expr: Expr, missing: ReadonlySet<string | undefined>): boolean {
  if (expr.kind === 'selector') return expr.metric === undefined || !missing.has(expr.metric)
  const parts = neededParts(expr)
  const isPossible = (part: Expr) => canHaveResult(part, missing)
  return expr.kind === 'binary' && expr.op === 'or' ? parts.some(isPossible) : parts.every(isPossible)
}

/** Whether a metric is used elsewhere than behind `unless`, where its absence changes nothing. */
function isUsed(expr: Expr, metric: string | undefined): boolean {
  if (expr.kind === 'binary' && expr.op === 'unless') return isUsed(expr.left, metric)
  return expr.kind === 'selector' ? expr.metric === metric : partsOf(expr).some(part => isUsed(part, metric))
}

/** Templates with labels that the result does not have. */
function templateFaults(expr: Expr, texts: readonly (readonly [string, string])[], lab: LabMetrics): Fault[] {
  const { labels } = tracedLabels(expr, lab.known)
  if (labels === undefined) return []
  const missing = new Map<string, Set<string>>()
  for (const [name, text] of texts) {
    for (const [, dotted, quoted = dotted ?? ''] of text.matchAll(TEMPLATE_LABEL)) {
      if (!labels.has(quoted)) missing.set(quoted, (missing.get(quoted) ?? new Set()).add(name))
    }
  }
  const there = [...labels].sort().join(', ') || 'none'
  const isAbsence = expr.kind === 'call' && expr.name.startsWith('absent')
  return [...missing].map(([label, names]) => {
    const why = isAbsence
      ? `${expr.name}() is true only when all series are missing, and does not say which of them: it has no label ${label}`
      : `the result has no label ${label}, so it is empty there`
    return fault('template', `${[...names].join(', ')}: ${why} (there are ${there})`)
  })
}
