import { formatElapsed } from '../../cli/progress.ts'
import { formatTable } from '../../cli/table.ts'
import type { RefusedFile } from '../../kube/source-documents.ts'
import { junitDocument } from '../verify/junit.ts'
import type { AlertPlan, ExpectedAlert, PlanOptions } from './alert-plan.ts'
import type { ScenarioRun, SeenAlert } from './alert-watch.ts'
import { isOf, nameOf } from './run-alert-plan.ts'
import type { AlertRule } from './scaled-rules.ts'

/** An alert of a scenario. Times are in seconds: from the start of the scenario, `resolved` from its healing. */
export interface AlertRow {
  scenario: string
  target: string
  alert: string
  /** Whose rule it is. */
  of: 'lab' | 'RULES_DIR'
  pending: number | undefined
  firing: number | undefined
  resolved: number | undefined
  /** `raised`: nothing states that the scenario raises it. */
  result: 'ok' | 'failed' | 'raised'
  why: string
}

export interface AlertReport {
  speed: number
  seconds: number
  rows: readonly AlertRow[]
  /** Alerts that fire and that no scenario explains. */
  unexplained: readonly { alert: string; why: string; isFailure: boolean }[]
  /** Alerts that fired before the first scenario. */
  before: readonly string[]
  notTried: AlertPlan['notTried']
  refused: readonly { source: string; why: string }[]
  /** Alerts that no scenario raised. */
  uncovered: readonly { alert: string; source: string; why: string }[]
  alerts: number
}

export interface ReportInput {
  runs: readonly ScenarioRun[]
  seen: readonly SeenAlert[]
  notTried: AlertPlan['notTried']
  alerts: readonly AlertRule[]
  refused: readonly RefusedFile[]
  speed: number
  seconds: number
  mostMs: PlanOptions['mostMs']
  hasMetric: (name: string) => boolean
  /** The scenario that raises an alert, of all that there are. */
  raisedBy: (rule: AlertRule) => string | undefined
  nowMs: number
}

export function alertReport(input: ReportInput): AlertReport {
  const { runs, seen, notTried, alerts, refused, speed, seconds } = input
  const before = seen.filter(({ by, firingMs }) => by === 'before' && firingMs !== undefined)
  return {
    speed,
    seconds,
    rows: runs.flatMap(run => [
      ...run.expected.map(each => expectedRow(run, each, { seen, hasMetric: input.hasMetric })),
      ...raisedRows(run, seen),
      ...(run.expected.length === 0 && run.trouble !== ''
        ? [{ ...rowOf(run, undefined, []), result: 'failed' as const, why: run.trouble }]
        : []),
    ]),
    unexplained: seen.flatMap(each => {
      const { by, firingMs, sinceMs, goneMs = input.nowMs, rule } = each
      if (by !== undefined || firingMs === undefined) return []
      const lasted = `it lasted ${formatElapsed(goneMs - sinceMs)}`
      // The rule itself waits longer.
      const isFailure = each.goneMs === undefined || goneMs - sinceMs >= rule.forMs
      const why = isFailure ? lasted : `${lasted}, and the rule waits ${formatElapsed(rule.forMs)}: it does not fire`
      return [{ alert: nameOf(each), why, isFailure }]
    }),
    before: [...new Set(before.map(nameOf))],
    notTried,
    refused: refused.map(({ source, error }) => ({ source, why: error.message })),
    uncovered: uncovered(),
    alerts: alerts.length,
  }

  function uncovered(): AlertReport['uncovered'] {
    const fired = (rule: AlertRule) =>
      seen.some(each => each.rule === rule && each.firingMs !== undefined && typeof each.by === 'object')
    return alerts
      .filter(rule => !fired(rule))
      .map(rule => {
        const why = before.some(each => each.rule === rule) ? 'it fires without a scenario' : whyNot(rule)
        return { alert: rule.name, source: rule.source, why }
      })
  }

  function whyNot(rule: AlertRule): string {
    const run = runs.find(({ expected }) => expected.some(({ rules }) => rules.includes(rule)))
    const scenario = input.raisedBy(rule)
    const absent = rule.metrics.filter(name => !input.hasMetric(name))
    const left = notTried.find(({ alert }) => alert === rule.name)
    if (run !== undefined) return `it did not fire in ${run.scenario.name}`
    if (rule.rangeMs + rule.waitMs > input.mostMs) return `it needs more than ${formatElapsed(input.mostMs)}`
    if (absent.length > 0) return `Prometheus has no ${absent.join(', ')}`
    if (left !== undefined) return `${left.scenario}: ${left.why}`
    return scenario === undefined ? 'no scenario raises it' : `${scenario} was not run`
  }
}

/** The row of an alert in a run, with the times of its series, and without a result. */
function rowOf(run: ScenarioRun, rule: AlertRule | undefined, of: readonly SeenAlert[]) {
  const fired = of.filter(({ firingMs }) => firingMs !== undefined)
  const after = (ms: number, sinceMs: number) => Math.max(0, Math.round((ms - sinceMs) / 1_000))
  const waits = fired.filter(({ rule }) => rule.waitMs > 0)
  const first = (all: readonly number[]) => (all.length === 0 ? undefined : after(Math.min(...all), run.startMs))
  const isGone = fired.length > 0 && of.every(({ goneMs }) => goneMs !== undefined)
  return {
    scenario: run.scenario.name,
    target: run.target,
    alert: rule?.name ?? '-',
    of: rule?.isOwn === false ? ('RULES_DIR' as const) : ('lab' as const),
    pending: first(waits.map(({ sinceMs }) => sinceMs)),
    firing: first(fired.map(({ firingMs }) => firingMs ?? 0)),
    resolved: isGone ? after(Math.max(...of.map(({ goneMs }) => goneMs ?? 0)), run.healMs) : undefined,
  }
}

function expectedRow(
  run: ScenarioRun,
  { rules }: Pick<ExpectedAlert, 'rules'>,
  { seen, hasMetric }: Pick<ReportInput, 'seen' | 'hasMetric'>,
): AlertRow {
  const of = seen.filter(each => isOf(each, run, rules))
  const row = rowOf(run, rules[0], of)
  const faults = [...new Set(of.flatMap(each => each.faults))]
  const why =
    row.firing === undefined
      ? `it did not fire in ${formatElapsed(run.healMs - run.startMs)}${notFiring()}`
      : row.resolved === undefined
        ? `it was not resolved ${formatElapsed(run.doneMs - run.healMs)} after healing`
        : faults.join('; ')
  const all = [run.trouble, why].filter(each => each !== '').join('; ')
  return { ...row, result: all === '' ? 'ok' : 'failed', why: all }

  function notFiring(): string {
    const absent = new Set(rules.flatMap(({ metrics }) => metrics.filter(name => !hasMetric(name))))
    if (of.length > 0) return ', it was pending'
    if (absent.size > 0) return `, Prometheus has no ${[...absent].join(', ')}`
    return seen.some(({ by, rule }) => by === 'before' && rules.includes(rule)) ? ', it fires without the scenario' : ''
  }
}

/** The alerts that a scenario raised beside those that it must raise. Of these too nothing may be empty. */
function raisedRows(run: ScenarioRun, seen: readonly SeenAlert[]): AlertRow[] {
  const expected = run.expected.flatMap(({ rules }) => rules)
  const others = seen.filter(each => each.by === run && each.firingMs !== undefined && !expected.includes(each.rule))
  return [...new Set(others.map(({ rule }) => rule))].map(rule => {
    const of = others.filter(each => each.rule === rule)
    const why = [...new Set(of.flatMap(each => each.faults))].join('; ')
    return { ...rowOf(run, rule, of), result: why === '' ? 'raised' : 'failed', why }
  })
}

/** The number of failures. */
export function failureCount({ rows, unexplained, refused }: AlertReport): number {
  const failed = rows.filter(({ result }) => result === 'failed').length
  return failed + unexplained.filter(({ isFailure }) => isFailure).length + refused.length
}

export function alertReportText(report: AlertReport): string {
  const { rows, unexplained, before, notTried, refused, uncovered, alerts, speed, seconds } = report
  const time = (value: number | undefined) => (value === undefined ? '-' : `${value} s`)
  const head = ['SCENARIO', 'TARGET', 'ALERT', 'OF', 'PENDING AFTER', 'FIRING AFTER', 'RESOLVED AFTER', 'RESULT']
  const table = rows.map(each => [
    each.scenario,
    each.target,
    each.alert,
    each.of,
    time(each.pending),
    time(each.firing),
    time(each.resolved),
    each.result === 'failed' ? `FAILED: ${each.why}` : each.result,
  ])
  const ok = rows.filter(({ result }) => result === 'ok').length
  const raised = rows.filter(({ result }) => result === 'raised').length
  const covered = alerts - uncovered.length
  const parts = [
    [formatTable([head, ...table])],
    refused.map(({ why }) => `FAILED: ${why}`),
    unexplained.map(
      ({ alert, why, isFailure }) => `${isFailure ? 'FAILED: no' : 'No'} scenario explains ${alert}: ${why}`,
    ),
    before.map(alert => `Fires without a scenario: ${alert}`),
    notTried.map(({ scenario, alert, why }) => `Not tried: ${[scenario, alert].filter(Boolean).join(', ')}: ${why}`),
    uncovered.length === 0
      ? []
      : [
          'Alerts that no scenario raised',
          formatTable([
            ...new Map(uncovered.map(each => [`${each.alert} ${each.why}`, [`  ${each.alert}`, each.why]])).values(),
          ]),
        ],
    [
      `Alerts: ${ok} ok, ${failureCount(report)} failed, ${raised} raised beside them; ${covered} of ${alerts} rules fired in a scenario; ${formatElapsed(seconds * 1_000)}`,
      ...(speed === 1 ? [] : [`for and keep_firing_for were divided by ${speed}; SPEED=1 has the times of the rules`]),
    ],
  ]
  return parts
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')
}

/** The report as JUnit XML: a suite for each scenario, and one for what belongs to none. */
export function alertJunit({ rows, unexplained, refused, seconds }: AlertReport): string {
  const cases = [
    ...rows.map(
      each => [`${each.scenario} on ${each.target}`, each.alert, each.result === 'failed' && each.why] as const,
    ),
    ...unexplained.flatMap(({ alert, why, isFailure }) =>
      isFailure ? [['Other alerts', alert, `no scenario explains it: ${why}`] as const] : [],
    ),
    ...refused.map(({ source, why }) => ['Rule files', source, why] as const),
  ]
  const suites = [...new Set(cases.map(([suite]) => suite))].map(name => ({
    name,
    cases: cases.flatMap(([suite, alert, text]) => {
      if (suite !== name) return []
      return [text === false ? { name: alert } : { name: alert, failure: { type: 'alert', message: text, text } }]
    }),
  }))
  return junitDocument('verify-alerts', seconds, suites)
}
