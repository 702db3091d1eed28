import { stringify } from 'yaml'

/** A series that Prometheus computes and keeps. */
export interface RecordingRule {
  record: string
  expr: string
  /** Added to each of its series. */
  labels?: Readonly<Record<string, string>>
}

/** A condition that somebody should know of. */
export interface AlertRule {
  alert: string
  expr: string
  /** How long it has to hold, as Prometheus writes durations: `2m`. */
  for: string
  severity: 'critical' | 'warning' | 'info'
  /** One line, with the labels of the alert as `{{ $labels.… }}`. */
  summary: string
  description: string
  /** What to look at and do first. */
  runbook: string
}

/** Rules that are evaluated one after the other, at Prometheus's own evaluation interval. */
export interface RuleGroup {
  name: string
  rules: readonly (RecordingRule | AlertRule)[]
}

/** A file of rules as Prometheus reads it. */
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
