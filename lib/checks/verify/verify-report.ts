import { type LabError, NothingCheckedError } from '../../cli/errors.ts'
import { formatTable } from '../../cli/table.ts'
import { shownTitles } from '../../grafana/dashboard-identity.ts'

/** What can be wrong with a query. */
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

/** Something wrong. */
export interface Failure {
  /** The dashboard's title. */
  dashboard: string
  /** The dashboard's file, or what else its source is called: another one may have the same title. */
  source: string
  /** The panel's title, or `$name` of a variable. */
  panel: string
  /** The panel's id, which tells it from another of the same title; undefined where it is no panel's. */
  panelId: number | undefined
  /** Empty where it is no target's. */
  refId: string
  /** The choice of variables under which it shows: `all`, `one`, `several`. */
  choice: string
  problem: Problem
  /** As sent. */
  query: string
  got: string
  expected: string
  hint: string
}

/** A query that nothing but its own text says what its numbers are. */
export interface UntoldQuery {
  /** The panel's title. */
  panel: string
  refId: string
  /** As sent under the first choice of variables. */
  query: string
}

/** What became of one panel's queries, over all choices. */
export interface PanelResult {
  /** The panel's id in its dashboard. */
  id: number
  /** The panel's title. */
  panel: string
  ok: number
  compared: number
  failed: number
  /** Why what it lacks is no fault. */
  excused: readonly string[]
}

/** What became of one dashboard as a whole. Not one query of a panel was asked where there is nothing to check or it is not applicable. */
export type DashboardVerdict = 'ok' | 'failed' | 'nothing to check' | 'not applicable'

/** What became of one dashboard. */
export interface DashboardResult {
  title: string
  /** Different for each. */
  source: string
  verdict: DashboardVerdict
  /** Those that have queries; nothing where the dashboard doesn't apply. */
  byPanel: readonly PanelResult[]
  panels: number
  /** Different queries over all choices, variables' included. */
  queries: number
  ok: number
  failed: number
  /** Nothing or NaN where that may be, each with the reason. */
  excused: number
  /** Compared with the truth. */
  compared: number
  /** Of those that are ok: nothing that they ask for matches now, so that they show the constant they have for that. */
  showFallback: number
  skipped: number
  reasons: { excused: Record<string, number>; skipped: Record<string, number> }
  /** Queries of panels whose numbers can be had otherwise, each counted once over all choices. */
  withTruth: number
  /** The others. */
  withoutTruth: readonly UntoldQuery[]
  /** What the cluster lacks that it needs; nothing of it was asked then. */
  notApplicable: string
}

/** All that verify found. */
export interface VerifyReport {
  prometheusUrl: string
  /** ISO 8601. */
  time: string
  /** Where the truth came from; empty where there is none. */
  truth: string
  /** What a person should know first. */
  notes: string[]
  dashboards: DashboardResult[]
  failures: Failure[]
  /** The slowest queries, the slowest first. */
  slowest: { query: string; seconds: number }[]
  requests: number
  /** What it took, without the time it waited for a changing cluster to be measured. */
  seconds: number
  waitedSeconds: number
}

/** A dashboard's verdict by what became of its panels and variables. */
export function verdictOf(result: Pick<DashboardResult, 'failed' | 'byPanel' | 'notApplicable'>): DashboardVerdict {
  if (result.failed > 0) return 'failed'
  if (result.notApplicable !== '') return 'not applicable'
  return result.byPanel.length === 0 ? 'nothing to check' : 'ok'
}

/** Why no dashboard of a run was checked; undefined where one was, or something failed. */
export function nothingChecked({ dashboards, failures }: VerifyReport): LabError | undefined {
  if (failures.length > 0 || dashboards.some(({ byPanel }) => byPanel.length > 0)) return undefined
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

/** The report as a person reads it: a table of dashboards, then each failure, then the slowest queries. */
export function reportText(report: VerifyReport, { slowest = 0 }: { slowest?: number } = {}): string {
  const titles = shownTitles(report.dashboards)
  const rows = report.dashboards.map(each => [
    titles.get(each.source) ?? each.title,
    ...(each.verdict === 'not applicable'
      ? ['-', '-', '-', '-', '-', '-', '-', `not applicable here: no ${each.notApplicable}`]
      : [
          ...[each.panels, each.queries, each.ok, each.compared, each.failed, each.excused, each.skipped].map(String),
          each.verdict === 'failed' ? 'FAILED' : each.verdict,
        ]),
  ])
  const sum = (of: (each: DashboardResult) => number) => report.dashboards.reduce((all, each) => all + of(each), 0)
  const unchecked = report.dashboards.filter(({ verdict }) => verdict === 'nothing to check').length
  const head = ['DASHBOARD', 'PANELS', 'QUERIES', 'OK', 'COMPARED', 'FAILED', 'EXCUSED', 'SKIPPED', '']
  const parts = [
    formatTable([head, ...rows]),
    ...reasonsText(report),
    ...(report.notes.length > 0 ? [report.notes.join('\n')] : []),
    ...merged(report.failures).map(failure => failureText(failure, titles.get(failure.source))),
    ...(slowest > 0 && report.slowest.length > 0 ? [slowestText(report, slowest)] : []),
    [
      `${sum(each => each.queries)} queries (${report.requests} requests) in ${report.seconds.toFixed(1)} s${waited(report)}: `,
      `${sum(each => each.ok)} ok, ${report.truth === '' ? 'none' : sum(each => each.compared)} of them compared with ${report.truth || 'a cluster'}; `,
      `${report.failures.length} failed, ${sum(each => each.excused)} excused, ${sum(each => each.skipped)} skipped`,
      ...(unchecked === 0 ? [] : [`\n${unchecked} of ${report.dashboards.length} dashboards: nothing to check`]),
      ...(report.truth === '' ? [] : [`\n${truthsText(report)}`]),
    ].join(''),
  ]
  return parts.join('\n\n')
}

function truthsText({ dashboards }: VerifyReport): string {
  const known = dashboards.reduce((sum, { withTruth }) => sum + withTruth, 0)
  const untold = dashboards.reduce((sum, { withoutTruth }) => sum + withoutTruth.length, 0)
  const rest = untold === 0 ? '' : `, and ${untold} have none: --json lists them as withoutTruth`
  return `${known} queries of panels have a truth that their numbers are compared with${rest}`
}

function reasonsText({ dashboards }: VerifyReport): string[] {
  const lines = (['excused', 'skipped'] as const).flatMap(kind => {
    const counts = new Map<string, number>()
    for (const { reasons } of dashboards) {
      for (const [reason, count] of Object.entries(reasons[kind])) counts.set(reason, (counts.get(reason) ?? 0) + count)
    }
    return [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${kind}: ${reason}`)
  })
  const fallbacks = dashboards.reduce((sum, { showFallback }) => sum + showFallback, 0)
  if (fallbacks > 0)
    lines.push(`${fallbacks} ok by a fallback such as "or vector(0)": the metric exists, and nothing matches now`)
  return lines.length === 0 ? [] : [lines.join('\n')]
}

function waited({ waitedSeconds }: VerifyReport): string {
  return waitedSeconds === 0 ? '' : `, and ${Math.round(waitedSeconds)} s of waiting for changes to be measured`
}

/** The same failure under several choices as one. */
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

/** One failure, in some lines, with the dashboard by its title, or by another that tells it from others. */
export function failureText(failure: Failure, dashboard = failure.dashboard): string {
  const { panel, refId, choice, problem } = failure
  const where = [dashboard, panel, refId].filter(word => word !== '').join(' / ')
  const lines = [
    `FAILED ${where}: ${problem}${choice === '' ? '' : ` (variables: ${choice})`}`,
    ...(failure.query === '' ? [] : [`  query     ${oneLine(failure.query)}`]),
    ...(failure.got === '' ? [] : [`  got       ${failure.got}`]),
    ...(failure.expected === '' ? [] : [`  expected  ${failure.expected}`]),
    ...(failure.hint === '' ? [] : [`  hint      ${failure.hint}`]),
  ]
  return lines.join('\n')
}

function slowestText({ slowest }: VerifyReport, count: number): string {
  const rows = slowest
    .slice(0, count)
    .map(({ query, seconds }) => [`${seconds.toFixed(2)} s`, oneLine(query).slice(0, 200)])
  return `Slowest queries\n${formatTable(rows)}`
}

/** All of ten thousand pods' names in one query help nobody. */
function oneLine(query: string): string {
  const line = query.replace(/\s+/g, ' ')
  return line.length <= 1_000 ? line : `${line.slice(0, 1_000)} … (${line.length} characters)`
}
