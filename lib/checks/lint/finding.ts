/** What each rule requires. Its name is printed with each finding. */
export const rules = {
  file: 'the file can be read, and is a dashboard',
  parse: 'every query parses, and its operands have the right types',
  pattern: 'every regular expression that Grafana evaluates is one of JavaScript, and what stands for All one of RE2',
  constant: 'no query is a constant',
  metric: 'every metric is in the catalogue',
  label: 'every label that a query asks for can be there',
  function: 'functions fit the type of the metric',
  ratio: 'a ratio of sums, never a sum of ratios',
  'rate-interval': 'rates look back $__rate_interval',
  unit: 'every panel has a unit, and it fits what is shown',
  description: 'every panel has a description',
  datasource: 'queries go by the datasource variable',
  variable: 'every variable is there, and is asked for in a way that works with several values',
  legend: 'legends and joined columns are labels of the query',
  link: 'links lead to dashboards that there are',
} as const satisfies Record<string, string>

export type RuleName = keyof typeof rules

/** A fault that a rule finds. */
export interface Fault {
  rule: RuleName
  /** What is wrong, and the correction. */
  message: string
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
