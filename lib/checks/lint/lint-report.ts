import { NothingCheckedError } from '../../cli/errors.ts'
import { shownTitles } from '../../grafana/dashboard-identity.ts'
import type { Dashboard, Skipped } from '../../grafana/dashboard-model.ts'
import type { RefusedFile } from '../../kube/source-documents.ts'
import { causeLines, mostFrequent, plural } from './cause-lines.ts'
import { type Finding, type RuleName, rules } from './finding.ts'

/** The result of a run. */
export interface LintReport {
  dashboards: readonly Dashboard[]
  findings: readonly Finding[]
  /** The number of linted rules of the user. */
  rules?: number
}

/** Files that could not be read, as findings. */
export function refusedFindings(refused: readonly RefusedFile[]): Finding[] {
  return refused.map(({ error: { message, next } }) => {
    const text = next === undefined ? message : `${message}; ${next}`
    return { severity: 'error', rule: 'file', message: text, file: '', dashboard: '', panel: '', refId: '' }
  })
}

/** The rules whose messages differ in a name alone. */
const namesOnly: readonly string[] = [
  'never',
  'dialect',
  'recorded',
  'absent',
  'absent value',
  'unlisted',
] satisfies RuleName[]

/** The report as text: the findings by severity and rule with their most frequent messages, then what was skipped, then the counts. */
export function lintText({ dashboards, findings, rules: ruleCount = 0 }: LintReport): string {
  const titles = shownTitles(dashboards)
  const byRule = (severity: Finding['severity']) =>
    Object.entries(rules).flatMap(([rule, what]) => {
      const found = findings.filter(each => each.rule === rule && each.severity === severity)
      return causeLines(found, { cause: rule, what, noun: severity, titles, namesOnly: namesOnly.includes(rule) })
    })
  const skipped = skippedLines(dashboards)
  const panels = dashboards.flatMap(dashboard => dashboard.panels)
  const queries = panels.flatMap(panel => panel.targets).length
  const ofDashboards = [
    plural(dashboards.length, 'dashboard'),
    plural(panels.length, 'panel'),
    plural(queries, 'query', 'queries'),
  ]
  const checked = [
    ...(dashboards.length > 0 || ruleCount === 0 ? ofDashboards : []),
    ...(ruleCount > 0 ? [plural(ruleCount, 'rule')] : []),
  ].join(', ')
  const counts = `${countOf('error', findings)}, ${countOf('warning', findings)}`
  return [
    ...byRule('error'),
    ...byRule('warning'),
    ...(skipped.length === 0 ? [] : ['Not looked at', ...skipped]),
    `${checked}: ${counts}${findings.length === 0 ? '' : '; --json lists each'}`,
  ].join('\n')
}

function countOf(severity: Finding['severity'], findings: readonly Finding[]): string {
  return plural(findings.filter(each => each.severity === severity).length, severity)
}

/** The report as JSON: findings, what was skipped, and counts. */
export function lintJson({ dashboards, findings }: LintReport): unknown {
  return {
    dashboards: dashboards.map(({ source, uid, title, panels, skipped }) => ({
      file: source,
      uid,
      title,
      panels: panels.length,
      queries: panels.flatMap(panel => panel.targets).length,
      skipped,
    })),
    findings,
    errors: findings.filter(({ severity }) => severity === 'error').length,
    warnings: findings.filter(({ severity }) => severity === 'warning').length,
  }
}

/**
 * The exit code of a run: 1 with an error.
 *
 * Throws a NothingCheckedError when there was no query to check.
 */
export function exitCode({ dashboards, findings }: LintReport): 0 | 1 {
  if (findings.some(({ severity }) => severity === 'error')) return 1
  if (dashboards.some(hasQueries)) return 0
  throw new NothingCheckedError(dashboards.map(({ title, skipped }) => ({ title, why: reasonsOf(skipped) })))
}

function hasQueries({ panels }: Dashboard): boolean {
  return panels.some(({ targets }) => targets.length > 0)
}

/** A dashboard of logs would fill the screen, and so would many dashboards. */
function skippedLines(dashboards: readonly Dashboard[]): string[] {
  const all = dashboards.flatMap(dashboard => {
    const nothing = hasQueries(dashboard) ? [] : ['nothing to check, no panel has a query for Prometheus']
    return [...dashboard.skipped.map(reasonOf), ...nothing].map(what => ({ what, dashboard }))
  })
  return mostFrequent(all, ({ what }) => what).map(([what, of]) => {
    const [first, ...others] = new Set(of.map(({ dashboard: { title, source } }) => `${title} (${source})`))
    return `  ${of.length} × ${what}: ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`
  })
}

function reasonsOf(skipped: readonly Skipped[]): string[] {
  return mostFrequent(skipped, reasonOf).map(([what, of]) => `${of.length} × ${what}`)
}

function reasonOf({ kind, reason }: Skipped): string {
  return `${kind} that ${reason}`
}
