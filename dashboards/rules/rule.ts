import { stringify } from 'yaml'

/** A recording rule. */
export interface RecordingRule {
  record: string
  expr: string
  /** Added to each of its series. */
  labels?: Readonly<Record<string, string>>
}

/** An alerting rule. */
export interface AlertRule {
  alert: string
  expr: string
  /** How long the condition must hold, as a Prometheus duration: `2m`. */
  for: string
  severity: 'critical' | 'warning' | 'info'
  /** One line, with the labels of the alert as `{{ $labels.… }}`. */
  summary: string
  description: string
  /** The first steps to take. */
  runbook: string
}

/** Rules in the order of their evaluation, at Prometheus' own interval. */
export interface RuleGroup {
  name: string
  rules: readonly (RecordingRule | AlertRule)[]
}

/** A rule file of Prometheus. */
export function rulesYaml(groups: readonly RuleGroup[]): string {
  const written = groups.map(({ name, rules }) => ({
    name,
    rules: rules.map(rule => ('record' in rule ? rule : writtenAlert(rule))),
  }))
  return stringify({ groups: written }, { lineWidth: 0 })
}

function writtenAlert({ alert, expr, for: holds, severity, summary, description, runbook }: AlertRule): unknown {
  return { alert, expr, for: holds, labels: { severity }, annotations: { summary, description, runbook } }
}
