import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Link } from '../../grafana/dashboard-model.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { type Fault, type Finding, severityOf } from './finding.ts'
import { type LabMetrics, labMetrics } from './lab-metrics.ts'
import { linkFaults } from './link-rules.ts'
import type { CatalogMetric, RecordedSeries } from './metric-catalog.ts'
import { datasourceFaults, legendFaults, panelFaults } from './panel-rules.ts'
import { queryFaults } from './query-rules.ts'
import { unitFaults } from './unit-rules.ts'
import { variableQueryFaults, variableUseFaults } from './variable-rules.ts'

/** What is linted, and against what. */
export interface LintInput {
  /** The lab's own dashboards: every fault in them is an error. */
  own: readonly Dashboard[]
  /** Anybody else's: what may be right on another cluster is a warning. */
  others: readonly Dashboard[]
  catalog: readonly CatalogMetric[]
  recorded: readonly RecordedSeries[]
  /** Dashboards that links may lead to, beside those that are linted. */
  linkable?: readonly Dashboard[]
  /** The lab's rules: a file each has, a name (`record` or `alert`) and an expression. */
  rules?: readonly LintedRule[]
}

/** A recording or alerting rule. */
export interface LintedRule {
  file: string
  name: string
  expr: string
}

/** Every finding of every rule, dashboard by dashboard, in the order of the screen. It asks nobody: only the text is looked at. */
export function lintDashboards(input: LintInput): Finding[] {
  const { own, others, catalog, recorded, linkable = [], rules = [] } = input
  const lab = labMetrics(catalog, recorded)
  const all = [...own, ...others, ...linkable]
  return [
    ...rules.flatMap(rule => lintRule(rule, lab)),
    ...own.flatMap(dashboard => lintDashboard(dashboard, { own: true, lab, all })),
    ...others.flatMap(dashboard => lintDashboard(dashboard, { own: false, lab, all })),
  ]
}

/** A rule is a query, but for its ranges: no one looks at it through a window, so they are fixed. */
function lintRule({ file, name, expr }: LintedRule, lab: LabMetrics): Finding[] {
  return queryFaults(parsePromql(expr), lab)
    .filter(({ rule }) => rule !== 'rate-interval')
    .map(fault => ({ severity: 'error', ...fault, file, dashboard: 'rules', panel: name, refId: '' }))
}

function lintDashboard(
  dashboard: Dashboard,
  { own, lab, all }: { own: boolean; lab: LabMetrics; all: readonly Dashboard[] },
): Finding[] {
  const at = (look: () => readonly Fault[], panel = '', refId = ''): Finding[] =>
    distinct(faultsOr(look)).map(fault => ({
      severity: severityOf(fault, own),
      ...fault,
      file: dashboard.source,
      dashboard: dashboard.title || dashboard.uid,
      panel,
      refId,
    }))
  return [
    ...at(() => linkFaults(dashboard.links, all)),
    ...dashboard.variables.flatMap(variable => {
      const uids = variable.type === 'query' && variable.query !== '' ? [variable.datasource.uid] : []
      const skipped = dashboard.skipped.some(({ kind, name }) => kind === 'variable' && name === variable.name)
      if (skipped) return []
      return at(
        () => [...variableQueryFaults(variable, dashboard, lab), ...datasourceFaults(uids, dashboard)],
        `$${variable.name}`,
      )
    }),
    ...dashboard.panels.flatMap(panel => [
      ...at(() => [...panelFaults(panel, dashboard), ...linkFaults(uniqueLinks(panel.links), all)], panel.title),
      ...panel.targets.flatMap(target => {
        const look = () => {
          const parsed = parsePromql(target.expr)
          const faults = [...queryFaults(parsed, lab), ...variableUseFaults(target.expr, parsed, dashboard)]
          // What doesn't parse, or is constant, has no unit or legend to speak of.
          const shown = faults.some(({ rule }) => rule === 'parse' || rule === 'constant') ? undefined : parsed.expr
          const unit = target.hide ? [] : unitFaults(panel, target, shown, lab)
          return [...faults, ...unit, ...legendFaults(panel, target, shown, lab)]
        }
        return at(look, panel.title, target.refId)
      }),
    ]),
  ]
}

/** What is found of one thing; a bug in the lab must not hide the other findings. */
function faultsOr(look: () => readonly Fault[]): readonly Fault[] {
  try {
    return look()
  } catch (error) {
    const { what, next } = failedPart(error)
    return [{ rule: 'file', message: `it can't be read: ${what}; ${next}` }]
  }
}

/** A query can have the same fault in several places. */
function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map(fault => [`${fault.rule} ${fault.message}`, fault])).values()]
}

/** A table's links stand on each of its columns. */
function uniqueLinks(links: readonly Link[]): Link[] {
  return [...new Map(links.map(link => [`${link.title} ${link.url}`, link])).values()]
}
