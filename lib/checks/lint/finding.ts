import type { Place } from './cause-lines.ts'

/** What each rule finds, the gravest first. */
export const rules = {
  file: 'the file cannot be read, or has neither dashboards nor rules',
  parse: 'the query does not parse, or its operands have wrong types',
  pattern: 'the regular expression is not valid in JavaScript or, for allValue, in RE2',
  constant: 'the query is a constant',
  function: 'the function does not fit the type of the metric',
  ratio: 'the query is a sum of ratios, not a ratio of sums',
  spelling: 'the lab writes the metric or label in another way',
  variable: 'the variable does not exist, or its matcher allows one value only',
  value: 'the label can never have the value',
  label: 'the series do not have the label',
  mixed: 'the query selects series of OpenTelemetry and of kube-prometheus under one name',
  template: 'the template of an alert uses a label that its result does not have',
  legend: 'the legend or the joined column is no label of the query',
  link: 'the link leads to no dashboard',
  uid: 'another dashboard has the same uid; Grafana loads at most one of them',
  dialect: 'METRICS does not select the metric; run make kwok METRICS=both',
  never: 'the alert can never fire: the lab does not have the metric',
  recorded: 'no rule that lint knows records the series',
  absent: 'the lab does not have the metric',
  'absent value': 'no series of the lab has the value of the label',
  unlisted: 'the lab may have the metric; the catalog lists only a part of its kind',
  unread: 'the query is too long or nested too deeply for the lab’s parser',
  for: 'the alert fires without a wait',
  unit: 'the unit of the panel, or of the alert’s threshold or text, does not fit the query',
  'rate-interval': 'the window of the rate is not $__rate_interval',
  datasource: 'the query does not use the datasource variable',
  description: 'the panel has no description',
} as const satisfies Record<string, string>

export type RuleName = keyof typeof rules

/** A fault that a rule finds. */
export interface Fault {
  rule: RuleName
  /** What is wrong, and the correction. */
  message: string
  /** The metric or label that it is about, where many messages can have one cause. */
  subject?: string
}

/** A fault. */
export function fault(rule: RuleName, message: string, subject?: string): Fault {
  return subject === undefined ? { rule, message } : { rule, message, subject }
}

/** A fault and its place. */
export interface Finding extends Fault, Place {
  severity: 'error' | 'warning'
}

/** The rules whose faults are errors in every dashboard: such a query shows no number, or a wrong one. */
const alwaysErrors: readonly RuleName[] = ['file', 'parse', 'pattern', 'constant', 'function', 'ratio']

/** The severity of a fault. In the lab's own dashboards all faults are errors. */
export function severityOf({ rule }: Fault, own: boolean): Finding['severity'] {
  return own || alwaysErrors.includes(rule) ? 'error' : 'warning'
}
