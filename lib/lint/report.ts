import type { LabError } from '../errors.ts'
import type { Dashboard } from '../grafana/model.ts'
import type { Finding } from './finding.ts'

/** What a run has to say. */
export interface LintReport {
  dashboards: readonly Dashboard[]
  findings: readonly Finding[]
}

/** What could not be read, as findings among the others. */
export function refusedFindings(refused: readonly LabError[]): Finding[] {
  return refused.map(({ message, next }) => {
    const said = next === undefined ? message : `${message}; ${next}`
    return { severity: 'error', rule: 'file', message: said, file: '', dashboard: '', panel: '', refId: '' }
  })
}

/** A report for a person: findings below their dashboard and place, then what was skipped, then the counts. */
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
  const looked = `${plural(dashboards.length, 'dashboard')}, ${plural(panels.length, 'panel')}, ${plural(queries, 'query', 'queries')}`
  const found = `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`
  return [...lines, ...(skipped.length === 0 ? [] : ['Not looked at', ...skipped]), `${looked}: ${found}`].join('\n')
}

/** The same as data, for a program: findings, what was skipped, and counts. */
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

/** Whether anything is wrong enough to fail. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error')
}

/** Counted by dashboard and reason: a dashboard of logs would fill the screen otherwise. */
function skippedLines(dashboards: readonly Dashboard[]): string[] {
  return dashboards.flatMap(({ title, source, skipped }) => {
    const counts = new Map<string, number>()
    for (const { kind, reason } of skipped) {
      const key = `${kind} that ${reason}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    return [...counts].map(([what, count]) => `  ${title} (${source}): ${count} × ${what}`)
  })
}

function plural(count: number, word: string, words = `${word}s`): string {
  return `${count} ${count === 1 ? word : words}`
}
