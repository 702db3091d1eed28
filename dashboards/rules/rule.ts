import { array, type InferOutput, picklist, strictObject, string } from 'valibot'
import { stringify } from 'yaml'

/** A recording rule. */
export interface RecordingRule {
  record: string
  expr: string
  /** Added to each of its series. */
  labels?: Readonly<Record<string, string>>
}

const alertRule = strictObject({
  alert: string(),
  expr: string(),
  for: string(),
  labels: strictObject({ severity: picklist(['critical', 'warning', 'info']) }),
  annotations: strictObject({ summary: string(), description: string(), runbook: string() }),
})

/** A file of alerts. Each annotation is one line; the runbook has the first steps to take. */
export const alertFile = strictObject({
  groups: array(strictObject({ name: string(), rules: array(alertRule) })),
})

/** Rules in the order of their evaluation, at Prometheus' own interval. */
export interface RuleGroup {
  name: string
  rules: readonly (RecordingRule | InferOutput<typeof alertRule>)[]
}

/** A rule file of Prometheus. */
export function rulesYaml(groups: readonly RuleGroup[]): string {
  return stringify({ groups }, { lineWidth: 0 })
}
