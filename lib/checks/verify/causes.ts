/** Why checks fail, the gravest first: faults of the dashboard or rule, then what Prometheus lacks. */
export const causes = {
  'not measured': 'a scenario keeps the lab from measuring',
  unreadable: 'the file or the cluster cannot be read',
  'wrong number': 'the number differs from the expected one',
  'wrong node': 'series of a pod name another node',
  error: 'Prometheus or Grafana refuses the query',
  variable: 'the dashboard does not have the variable',
  spelling: 'Prometheus has the metric or label under another name',
  value: 'the label can never have the value',
  label: 'the series do not have the label',
  constant: 'the query is a constant',
  'duplicate rows': 'rows of the table look the same',
  'hidden by fallback': 'a fallback shows a number for what does not exist',
  'NaN or Inf': 'the result is no number',
  'no data': 'the query or the variable has no data',
  'no values': 'the query uses a variable that has no values',
  young: 'there are too few samples yet; try again later',
  down: 'a part does not run, or Prometheus cannot scrape it: see the status of the lab',
  dialect: 'METRICS does not select the metric; run make kwok METRICS=both',
  absent: 'Prometheus does not have the metric',
  'absent value': 'no series here has the value of the label',
} as const satisfies Record<string, string>

export type CauseName = keyof typeof causes

/** The causes that are elsewhere: in the lab, or in a variable that has failed by itself. */
export const lacks: readonly CauseName[] = ['no values', 'young', 'down', 'dialect', 'absent', 'absent value']

/** The cause of a failure that has a more exact one than its problem. */
export interface Cause {
  name: CauseName
  /** The metric, label, variable or part that many failures can have in common. */
  subject: string
}
