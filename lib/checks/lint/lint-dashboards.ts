import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Link } from '../../grafana/dashboard-model.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { alertFaults, type LintedAlert } from './alert-rules.ts'
import type { Place } from './cause-lines.ts'
import { type Fault, type Finding, fault, severityOf } from './finding.ts'
import { type LabMetrics, labMetrics } from './lab-metrics.ts'
import { linkFaults } from './link-rules.ts'
import type { CatalogMetric, Dialect, RecordedSeries } from './metric-catalog.ts'
import { datasourceFaults, legendFaults, panelFaults } from './panel-rules.ts'
import { queryFaults } from './query-rules.ts'
import { unitFaults } from './unit-rules.ts'
import { variableQueryFaults, variableUseFaults } from './variable-rules.ts'

/** The dashboards to lint, and what is known of the lab. */
export interface LintInput {
  /** The lab's own dashboards, where every fault is an error. */
  own: readonly Dashboard[]
  /** Other dashboards, where a fault is a warning if it may be right on another cluster. */
  others: readonly Dashboard[]
  catalog: readonly CatalogMetric[]
  recorded: readonly RecordedSeries[]
  /** Beginnings of names of which the catalog lists a part. */
  partlyListed?: readonly string[]
  /** The dialects that METRICS selects, for other dashboards. The lab's own must be right with both. */
  dialects?: readonly Dialect[]
  /** Further dashboards that links may lead to. */
  linkable?: readonly Dashboard[]
  /** The lab's rules. */
  rules?: readonly LintedRule[]
  /** Other rules, as other dashboards. Their recordings are known to all. */
  otherRules?: readonly LintedRule[]
}

/** A recording or alerting rule; its name is that of `record` or `alert`. */
export interface LintedRule extends LintedAlert {
  file: string
  name: string
  isAlert: boolean
}

/** The series that rules record. */
export function recordedBy(rules: readonly LintedRule[]): RecordedSeries[] {
  return rules.flatMap(({ isAlert, name, expr, labels = {} }) => {
    const added = Object.fromEntries(Object.keys(labels).map(label => [label, String(labels[label])]))
    return isAlert ? [] : [{ record: name, expr, labels: added }]
  })
}

/** All findings, by dashboard in the order of the screen. It reads only the text and sends no query. */
export function lintDashboards(input: LintInput): Finding[] {
  const { own, others, catalog, recorded, dialects = ['otel'], partlyListed = [] } = input
  const { linkable = [], rules = [], otherRules = [] } = input
  const lab = labMetrics(catalog, [...recorded, ...recordedBy(otherRules)], { dialects, partlyListed })
  const both: LabMetrics = { ...lab, dialects: ['otel', 'prometheus'] }
  const given = [...own, ...others]
  const all = [...given, ...linkable]
  return [
    ...rules.flatMap(rule => lintRule(rule, { own: true, lab: both })),
    ...otherRules.flatMap(rule => lintRule(rule, { own: false, lab })),
    ...own.flatMap(dashboard => lintDashboard(dashboard, { own: true, lab: both, all, given: own })),
    ...others.flatMap(dashboard => lintDashboard(dashboard, { own: false, lab, all, given })),
  ]
}

/** A rule is a query with fixed ranges, since it has no time range of a screen. */
function lintRule(rule: LintedRule, { own, lab }: { own: boolean; lab: LabMetrics }): Finding[] {
  const { file, name, isAlert } = rule
  const parsed = parsePromql(rule.expr)
  const ofQuery = [
    ...parsed.variables.map(name => fault('parse', `Prometheus does not know the variable $${name}`)),
    // An alert that always fires is a test of the way to its receiver.
    ...queryFaults(parsed, lab).filter(each => each.rule !== 'rate-interval' && !(isAlert && each.rule === 'constant')),
  ]
  const place = { file, dashboard: 'rules', panel: name, refId: '' }
  return findings(isAlert ? alertFaults(rule, ofQuery, lab) : ofQuery, own, place)
}

function lintDashboard(
  dashboard: Dashboard,
  { own, lab, all, given }: { own: boolean; lab: LabMetrics; all: readonly Dashboard[]; given: readonly Dashboard[] },
): Finding[] {
  const twin = given.find(each => each !== dashboard && each.uid === dashboard.uid && each.uid !== '')
  const [file, title] = [dashboard.source, dashboard.title || dashboard.uid]
  const at = (find: () => readonly Fault[], panel = '', refId = '') =>
    findings(faultsOr(find), own, { file, dashboard: title, panel, refId })
  return [
    ...(twin === undefined ? [] : at(() => [fault('uid', `${twin.source} has the uid ${twin.uid}, too`)])),
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
        const find = () => {
          const parsed = parsePromql(target.expr)
          const faults = [
            ...queryFaults(parsed, lab, dashboard.variables),
            ...variableUseFaults(parsed, dashboard, panel.repeats),
          ]
          // A query that does not parse or is constant has no unit or legend.
          const shown = faults.some(({ rule }) => rule === 'parse' || rule === 'constant') ? undefined : parsed.expr
          const unit = target.hide ? [] : unitFaults(panel, target, shown, lab)
          return [...faults, ...unit, ...legendFaults(panel, target, shown, lab)]
        }
        return at(find, panel.title, target.refId)
      }),
    ]),
  ]
}

/** The faults of one place. An unexpected error must not hide other findings. */
function faultsOr(find: () => readonly Fault[]): readonly Fault[] {
  try {
    return find()
  } catch (error) {
    const { what, next } = failedPart(error)
    return [{ rule: 'file', message: `it can't be read: ${what}; ${next}` }]
  }
}

/** The faults of one place, each once: a query can have one in several parts. */
function findings(faults: readonly Fault[], own: boolean, place: Place): Finding[] {
  const distinct = new Map(faults.map(fault => [`${fault.rule} ${fault.message}`, fault]))
  return [...distinct.values()].map(fault => ({ severity: severityOf(fault, own), ...fault, ...place }))
}

/** Each column of a table repeats its links. */
function uniqueLinks(links: readonly Link[]): Link[] {
  return [...new Map(links.map(link => [`${link.title} ${link.url}`, link])).values()]
}
