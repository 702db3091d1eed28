import { type LabError, NothingCheckedError } from '../../cli/errors.ts'
import { formatTable } from '../../cli/table.ts'
import { shownTitles } from '../../grafana/dashboard-identity.ts'
import type { RefusedFile } from '../../kube/source-documents.ts'
import { causeLines, plural } from '../lint/cause-lines.ts'
import { type Cause, type CauseName, causes, lacks } from './causes.ts'

/** Kinds of failures. */
export type Problem =
  | 'error'
  | 'no data'
  | 'NaN or Inf'
  | 'duplicate rows'
  | 'constant'
  | 'hidden by fallback'
  | 'wrong number'
  | 'wrong node'
  | 'unreadable'
  | 'not measured'

/** A failure. */
export interface Failure {
  /** The dashboard's title. */
  dashboard: string
  /** The dashboard's file or other origin; titles are not unique. */
  source: string
  /** The panel's title, or `$name` of a variable. */
  panel: string
  /** The panel's id; undefined where the failure is not one of a panel. */
  panelId: number | undefined
  /** Empty where the failure is not one of a target. */
  refId: string
  /** The selection of variables with which it fails: `all`, `one`, `several`. */
  choice: string
  problem: Problem
  /** As sent. */
  query: string
  got: string
  expected: string
  hint: string
  /** Undefined where `problem` says all. */
  cause?: Cause | undefined
}

/** A query without an expected value. */
export interface QueryWithoutTruth {
  /** The panel's title. */
  panel: string
  refId: string
  /** As sent with the first selection of variables. */
  query: string
}

/** The results of one panel's queries, over all selections. */
export interface PanelResult {
  /** The panel's id in its dashboard. */
  id: number
  /** The panel's title. */
  panel: string
  ok: number
  compared: number
  failed: number
  /** Why missing or NaN values are allowed. */
  excused: readonly string[]
}

/** The verdict on a dashboard. For `nothing to check` and `not applicable` no query of a panel was run. */
export type DashboardVerdict = 'ok' | 'failed' | 'nothing to check' | 'not applicable'

/** The result of one dashboard. */
export interface DashboardResult {
  title: string
  /** Unique. */
  source: string
  verdict: DashboardVerdict
  /** The panels with queries; empty where the dashboard is not applicable. */
  byPanel: readonly PanelResult[]
  panels: number
  /** Different queries over all selections, including those of variables. */
  queries: number
  ok: number
  failed: number
  /** Allowed empty or NaN results. */
  excused: number
  /** Compared with an expected value. */
  compared: number
  /** Passed, but nothing matches now, so the query shows the constant of its fallback. */
  showFallback: number
  skipped: number
  reasons: { excused: Record<string, number>; skipped: Record<string, number> }
  /** Queries of panels with an expected value, each counted once over all selections. */
  withTruth: number
  /** The others. */
  withoutTruth: readonly QueryWithoutTruth[]
  /** The missing prerequisites; no query was run then. */
  notApplicable: string
}

/** The name of the user's rules among the dashboards of a report. */
export const RULES = 'Rules'

/** The result of one rule of the user. */
export interface RuleResult {
  /** The file, and the object in it. */
  source: string
  /** The name of its file in Prometheus. */
  file: string
  group: string
  /** Its place in the group. */
  index: number
  name: string
  /** Of an alert `inactive`, `pending` or `firing`; of a recording `recorded`, `nothing now` or `no series`; else `error` or `not evaluated`. */
  state: string
  /** Series of a recording, or that wait or fire. */
  series: number
  /** The metrics of its query that Prometheus does not have. */
  absent: readonly string[]
  /** How long its evaluation takes, where that is longer than the interval of its group, in seconds. */
  slow?: { seconds: number; intervalSeconds: number } | undefined
  /** What is wrong with it, as text; empty where nothing is. */
  why: string
}

/** The report of a run. */
export interface VerifyReport {
  prometheusUrl: string
  /** ISO 8601. */
  time: string
  /** The source of expected values; empty without one. */
  truth: string
  /** Notes to read first. */
  notes: string[]
  dashboards: DashboardResult[]
  failures: Failure[]
  /** The slowest queries, slowest first. */
  slowest: { query: string; seconds: number }[]
  requests: number
  /** The user's rules; undefined where there are none. */
  rules?: readonly RuleResult[]
  /** The duration without the time of waiting for a changing cluster. */
  seconds: number
  waitedSeconds: number
}

/** A failure of something that is not a panel. */
export function otherFailure(
  source: string,
  failure: Pick<Failure, 'problem' | 'got' | 'expected' | 'hint'> & Partial<Failure>,
): Failure {
  return { dashboard: source, source, panel: '', panelId: undefined, refId: '', choice: '', query: '', ...failure }
}

/** What cannot be read, as a failure. */
export function unreadable({ source, error }: RefusedFile, expected: string): Failure {
  return otherFailure(source, { problem: 'unreadable', got: error.message, expected, hint: error.next ?? '' })
}

/** The verdict on a dashboard by the results of its panels and variables. */
export function verdictOf(result: Pick<DashboardResult, 'failed' | 'byPanel' | 'notApplicable'>): DashboardVerdict {
  if (result.failed > 0) return 'failed'
  if (result.notApplicable !== '') return 'not applicable'
  return result.byPanel.length === 0 ? 'nothing to check' : 'ok'
}

/** The result of something that is not a dashboard. */
export function otherResult(title: string, counts: Partial<DashboardResult>): DashboardResult {
  return {
    title,
    source: title,
    verdict: counts.failed ? 'failed' : 'ok',
    byPanel: [],
    panels: 0,
    queries: 0,
    ok: 0,
    failed: 0,
    excused: 0,
    compared: 0,
    showFallback: 0,
    skipped: 0,
    reasons: { excused: {}, skipped: {} },
    withTruth: 0,
    withoutTruth: [],
    notApplicable: '',
    ...counts,
  }
}

/** What was found in a panel in a word, the gravest first. */
export function panelWord({ failed, compared, ok }: PanelResult): 'failed' | 'compared' | 'has data' | 'excused' {
  if (failed > 0) return 'failed'
  if (compared > 0) return 'compared'
  return ok > 0 ? 'has data' : 'excused'
}

/** The counts of some dashboards together. */
export function totals(dashboards: readonly DashboardResult[]) {
  const sum = { queries: 0, ok: 0, compared: 0, excused: 0, skipped: 0, showFallback: 0, withTruth: 0 }
  const names = Object.keys(sum) as (keyof typeof sum)[]
  for (const each of dashboards) for (const name of names) sum[name] += each[name]
  return { ...sum, unchecked: dashboards.filter(({ verdict }) => verdict === 'nothing to check').length }
}

/** The reason why no dashboard was checked; undefined if one was, or something failed. */
export function nothingChecked({
  dashboards,
  failures,
  rules = [],
}: Pick<VerifyReport, 'dashboards' | 'failures' | 'rules'>): LabError | undefined {
  if (failures.length > 0 || rules.length > 0 || dashboards.some(({ byPanel }) => byPanel.length > 0)) return undefined
  return new NothingCheckedError(
    dashboards.flatMap(({ title, verdict, notApplicable, reasons }) => {
      if (verdict === 'not applicable') return [{ title, why: [`there is no ${notApplicable} here`] }]
      const skipped = Object.entries(reasons.skipped).map(([reason, count]) => `${count} × ${reason}`)
      return verdict === 'ok' ? [] : [{ title, why: skipped }]
    }),
  )
}

/** The exit code of a run, once its report is out: 1 when anything failed. Throws a NothingCheckedError when nothing was checked. */
export function exitCode(report: VerifyReport): 0 | 1 {
  const nothing = nothingChecked(report)
  if (nothing !== undefined) throw nothing
  return report.failures.length > 0 ? 1 : 0
}

/** The report as text: a table of dashboards, reasons and notes, the causes of failures, some failures of each, the slowest queries, and the counts. */
export function reportText(report: VerifyReport, { slowest = 0 }: { slowest?: number } = {}): string {
  const { dashboards, failures, notes, truth, requests, seconds } = report
  const titles = shownTitles(dashboards)
  const rows = dashboards.map(each => {
    const title = titles.get(each.source) ?? each.title
    if (each.verdict === 'not applicable')
      return [title, ...Array<string>(7).fill('-'), `not applicable here: no ${each.notApplicable}`]
    const counts = [each.panels, each.queries, each.ok, each.compared, each.failed, each.excused, each.skipped]
    return [title, ...counts.map(String), each.verdict === 'failed' ? 'FAILED' : each.verdict]
  })
  const head = ['DASHBOARD', 'PANELS', 'QUERIES', 'OK', 'COMPARED', 'FAILED', 'EXCUSED', 'SKIPPED', '']
  const { queries, ok, excused, skipped, showFallback: fallbacks, withTruth, unchecked, ...sum } = totals(dashboards)
  const without = dashboards.flatMap(({ withoutTruth }) => withoutTruth).length
  const reasons = [
    ...reasonLines(dashboards, 'excused'),
    ...reasonLines(dashboards, 'skipped'),
    ...(fallbacks === 0
      ? []
      : [`${fallbacks} ok by a fallback such as "or vector(0)": the metric exists, and nothing matches now`]),
  ]
  const waitedS = Math.round(report.waitedSeconds)
  const waited = report.waitedSeconds === 0 ? '' : `, and ${waitedS} s of waiting for changes to be measured`
  const compared =
    truth === '' ? 'none of them compared with a cluster' : `${sum.compared} of them compared with ${truth}`
  const counts = [
    `${queries} queries (${requests} requests) in ${seconds.toFixed(1)} s${waited}: ` +
      `${ok} ok, ${compared}; ${failures.length} failed, ${excused} excused, ${skipped} skipped`,
    unchecked === 0 ? '' : `${unchecked} of ${dashboards.length} dashboards: nothing to check`,
    truth === ''
      ? ''
      : `${withTruth} queries of panels have a truth that their numbers are compared with` +
        (without === 0 ? '' : `, and ${without} have none: --json lists them as withoutTruth`),
  ]
  const parts = [
    formatTable([head, ...rows]),
    reasons.join('\n'),
    notes.join('\n'),
    causeTexts(failures, titles).flat().join('\n'),
    ...detailTexts(failures, titles),
    slowestText(report.slowest.slice(0, slowest)),
    counts.filter(line => line !== '').join('\n'),
  ]
  return parts.filter(part => part !== '').join('\n\n')
}

function reasonLines(dashboards: readonly DashboardResult[], kind: 'excused' | 'skipped'): string[] {
  const counts = new Map<string, number>()
  for (const [reason, count] of dashboards.flatMap(({ reasons }) => Object.entries(reasons[kind])))
    counts.set(reason, (counts.get(reason) ?? 0) + count)
  return [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${kind}: ${reason}`)
}

/** The name of a failure's cause. */
export const causeOf = ({ cause, problem }: Failure): CauseName => cause?.name ?? problem

/** What a failure's cause is about. */
const messageOf = ({ cause, got, hint }: Failure): string => (cause === undefined ? got : hint)

/** The causes of failures with their messages, each once. */
export function causesOf(failures: readonly Failure[]): string[] {
  return [...new Set(failures.map(each => `${causeOf(each)}: ${messageOf(each)}`))]
}

/** The failures by cause, the gravest first. */
function byCause(failures: readonly Failure[]): [CauseName, Failure[]][] {
  const names = Object.keys(causes) as CauseName[]
  return names.flatMap(name => {
    const found = failures.filter(failure => causeOf(failure) === name)
    return found.length === 0 ? [] : [[name, found]]
  })
}

/** The causes of failures, the gravest first: the first line of each has its counts, the others its most frequent messages. */
export function causeTexts(failures: readonly Failure[], titles: ReadonlyMap<string, string>): string[][] {
  return byCause(failures).map(([name, of]) => {
    const found = of.map(failure => {
      const { source: file, cause, ...place } = failure
      return { ...place, file, message: messageOf(failure), subject: cause?.subject }
    })
    const options = { cause: name, what: causes[name], noun: 'failure', titles, namesOnly: lacks.includes(name) }
    return causeLines(found, options)
  })
}

/** The most failures that are shown in full. Of more, the first of each cause is shown. */
const MOST_DETAILS = 10

/** Failures in full: all, or the first of each cause. Causes that are elsewhere have none: their names say all. */
function detailTexts(failures: readonly Failure[], titles: ReadonlyMap<string, string>): string[] {
  const all = byCause(failures).map(([name, of]) => ({ name, found: merged(of) }))
  const count = all.reduce((sum, { found }) => sum + found.length, 0)
  const shown =
    count <= MOST_DETAILS
      ? all.flatMap(({ found }) => found)
      : all.flatMap(({ name, found }) => (lacks.includes(name) ? [] : found.slice(0, 1)))
  const rest = count - shown.length
  return [
    ...shown.map(failure => failureText(failure, titles.get(failure.source))),
    ...(rest === 0 ? [] : [`and ${plural(rest, 'other failure')}: --json lists each`]),
  ]
}

/** Merges failures that differ only in the selection. */
function merged(failures: readonly Failure[]): Failure[] {
  const all = new Map<string, Failure>()
  for (const failure of failures) {
    const key = [failure.source, failure.panelId, failure.panel, failure.refId, failure.problem].join('\u0000')
    const known = all.get(key)
    if (known === undefined) all.set(key, { ...failure })
    else if (!known.choice.split(', ').includes(failure.choice)) known.choice += `, ${failure.choice}`
  }
  return [...all.values()]
}

/** A failure as text, with the dashboard's own title or another one that is unique. */
export function failureText(failure: Failure, dashboard = failure.dashboard): string {
  const { panel, refId, choice, problem } = failure
  const where = [dashboard, panel, refId].filter(word => word !== '').join(' / ')
  const details = { query: oneLine(failure.query), got: failure.got, expected: failure.expected, hint: failure.hint }
  const lines = Object.entries(details).filter(([, text]) => text !== '')
  const title = `FAILED ${where}: ${problem}${choice === '' ? '' : ` (variables: ${choice})`}`
  return [title, ...lines.map(([name, text]) => `  ${name.padEnd(10)}${text}`)].join('\n')
}

function slowestText(slowest: VerifyReport['slowest']): string {
  const rows = slowest.map(({ query, seconds }) => [`${seconds.toFixed(2)} s`, oneLine(query).slice(0, 200)])
  return rows.length === 0 ? '' : `Slowest queries\n${formatTable(rows)}`
}

/** A query can hold the names of ten thousand pods. */
function oneLine(query: string): string {
  const line = query.replace(/\s+/g, ' ')
  return line.length <= 1_000 ? line : `${line.slice(0, 1_000)} … (${line.length} characters)`
}
