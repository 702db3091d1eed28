import { parsePromql } from '../../promql/promql-parser.ts'
import { type Fault, fault } from './finding.ts'
import { type LabMetrics, tracedLabels } from './lab-metrics.ts'

/** The fields of an alert that are checked. */
export interface LintedAlert {
  expr: string
  for?: string | number | undefined
  labels?: Readonly<Record<string, unknown>>
  annotations?: Readonly<Record<string, unknown>>
}

/** A label in a template: `$labels.node`, or `index $labels "node"`. */
const TEMPLATE_LABEL = /\$labels\.(\w+)|index\s+\$labels\s+"([^"]+)"/g

/** Faults of an alert beside those of its query: no duration, and templates with labels that the result does not have. */
export function alertFaults(alert: LintedAlert, lab: LabMetrics): Fault[] {
  const isInstant = [undefined, 0, '', '0', '0s', '0m'].includes(alert.for)
  const { expr } = parsePromql(alert.expr)
  const { labels } = expr === undefined ? {} : tracedLabels(expr, lab.known)
  const texts = Object.entries({ ...alert.labels, ...alert.annotations })
  const missing = new Map<string, string[]>()
  for (const [name, text] of labels === undefined ? [] : texts) {
    for (const [, dotted, quoted = dotted ?? ''] of String(text).matchAll(TEMPLATE_LABEL)) {
      if (labels?.has(quoted) !== false) continue
      missing.set(quoted, [...new Set([...(missing.get(quoted) ?? []), name])])
    }
  }
  const there = [...(labels ?? [])].sort().join(', ') || 'none'
  return [
    ...(isInstant ? [fault('for', 'the alert has no "for": one sample makes it fire; set for: 5m, or so')] : []),
    ...[...missing].map(([label, names]) =>
      fault(
        'template',
        `${names.join(', ')}: the result has no label ${label}, so it is empty there (there are ${there})`,
      ),
    ),
  ]
}
