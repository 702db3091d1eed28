import { NothingCheckedError } from '../../cli/errors.ts'
import type { RefusedFile } from '../../grafana/dashboard-files.ts'
import type { Dashboard, Skipped } from '../../grafana/dashboard-model.ts'
import type { Finding } from './finding.ts'

/** The result of a run. */
export interface LintReport {
  dashboards: readonly Dashboard[]
  findings: readonly Finding[]
}

/** Files that could not be read, as findings. */
export function refusedFindings(refused: readonly RefusedFile[]): Finding[] {
  return refused.map(({ error: { message, next } }) => {
    const text = next === undefined ? message : `${message}; ${next}`
    return { severity: 'error', rule: 'file', message: text, file: '', dashboard: '', panel: '', refId: '' }
  })
}

/** The report as text: findings by dashboard and place, then what was skipped, then the counts. */
export function lintText({ dashboards, findings }: LintReport): string {
  const lines: string[] = []
  let heading = ''
  for (const finding of findings) {
    const title = finding.file === '' ? '' : `${finding.dashboard} (${finding.file})`
    if (title !== heading && title !== '') lines.push(title)
    heading = title
    const place = `${finding.panel}${finding.refId === '' ? '' : `, ${finding.refId}`}`
    lines.push(`  ${finding.severity} ${finding.rule}: ${place === '' ? '' : `${place}: `}${finding.message}`)
  }
  const skipped = skippedLines(dashboards)
  const panels = dashboards.flatMap(dashboard => dashboard.panels)
  const queries = panels.flatMap(panel => panel.targets).length
  const count = (severity: Finding['severity']) => findings.filter(each => each.severity === severity).length
  const checked = `${plural(dashboards.length, 'dashboard')}, ${plural(panels.length, 'panel')}, ${plural(queries, 'query', 'queries')}`
  const found = `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`
  return [...lines, ...(skipped.length === 0 ? [] : ['Not looked at', ...skipped]), `${checked}: ${found}`].join('\n')
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

/** Grouped by dashboard and reason: a dashboard of logs would fill the screen. */
function skippedLines(dashboards: readonly Dashboard[]): string[] {
  return dashboards.flatMap(dashboard => {
    const { title, source, skipped } = dashboard
    const nothing = hasQueries(dashboard) ? [] : ['nothing to check, no panel has a query for Prometheus']
    return [...reasonsOf(skipped), ...nothing].map(what => `  ${title} (${source}): ${what}`)
  })
}

function reasonsOf(skipped: readonly Skipped[]): string[] {
  const counts = new Map<string, number>()
  for (const { kind, reason } of skipped) {
    const key = `${kind} that ${reason}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${count} × ${what}`)
}

function plural(count: number, word: string, words = `${word}s`): string {
  return `${count} ${count === 1 ? word : words}`
}
