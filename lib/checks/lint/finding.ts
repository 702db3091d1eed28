/** What each rule requires. Its name is printed with each finding. */
export const rules = {
  file: 'the file can be read, and is a dashboard',
  parse: 'every query parses, and its operands have the right types',
  unread: 'every query is short and flat enough for the lab’s parser',
  pattern: 'regular expressions of Grafana are valid in JavaScript, and allValue in RE2',
  constant: 'no query is a constant',
  metric: 'every metric is in the catalog',
  label: 'every label in a query exists on its series',
  function: 'functions fit the type of the metric',
  ratio: 'a ratio of sums, never a sum of ratios',
  'rate-interval': 'rates have the window $__rate_interval',
  unit: 'every panel has a unit that fits its queries',
  description: 'every panel has a description',
  datasource: 'queries use the datasource variable',
  variable: 'every variable exists, and its matchers allow several values',
  legend: 'legends and joined columns are labels of the query',
  link: 'links lead to existing dashboards',
  for: 'an alert waits before it fires',
  template: 'templates of an alert use labels of its result',
} as const satisfies Record<string, string>

export type RuleName = keyof typeof rules

/** A fault that a rule finds. */
export interface Fault {
  rule: RuleName
  /** What is wrong, and the correction. */
  message: string
}

/** A fault. */
export function fault(rule: RuleName, message: string): Fault {
  return { rule, message }
}

/** A fault and its place. */
export interface Finding extends Fault {
  severity: 'error' | 'warning'
  /** The dashboard's file or other origin. */
  file: string
  dashboard: string
  /** The panel's title, or `$name` of a variable; empty for a fault of the dashboard. */
  panel: string
  refId: string
}

/** The rules whose faults are errors in every dashboard: such a query shows no number, or a wrong one. */
const alwaysErrors: readonly RuleName[] = ['file', 'parse', 'pattern', 'constant', 'function', 'ratio']

/** The severity of a fault. In the lab's own dashboards all faults are errors. */
export function severityOf({ rule }: Fault, own: boolean): Finding['severity'] {
  return own || alwaysErrors.includes(rule) ? 'error' : 'warning'
}
