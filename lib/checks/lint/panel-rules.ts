import type { Dashboard, Panel, Target } from '../../grafana/dashboard-model.ts'
import { patternFaults } from '../../grafana/panel-patterns.ts'
import type { Expr } from '../../promql/promql-ast.ts'
import { variableAt } from '../../promql/query-variables.ts'
import { type Fault, fault } from './finding.ts'
import { type LabMetrics, tracedLabels } from './lab-metrics.ts'

/** Labels that Grafana or Prometheus add. */
const always = ['__name__', '__value__']

/** Faults of a panel itself: its patterns, description and datasources. */
export function panelFaults(panel: Panel, dashboard: Dashboard): Fault[] {
  if (panel.targets.length === 0) return []
  const uids = panel.targets.map(({ datasource }) => datasource.uid)
  const isDescribed = panel.description.trim() !== ''
  return [
    ...patternFaults(panel).map(message => fault('pattern', message)),
    ...(isDescribed
      ? []
      : [fault('description', 'there is no description; say what is counted, and from which source')]),
    ...datasourceFaults(uids, dashboard),
  ]
}

/** A fixed uid works in one Grafana only. */
export function datasourceFaults(uids: readonly string[], dashboard: Dashboard): Fault[] {
  return [...new Set(uids)].flatMap((uid): Fault[] => {
    const variable = variableAt(uid, 0)?.name
    if (dashboard.variables.some(({ name, type }) => name === variable && type === 'datasource')) return []
    if (variable !== undefined)
      return [fault('datasource', `the datasource is ${uid}, and there is no such variable of type datasource`)]
    const what = uid === '' ? 'no datasource is named' : `the datasource is "${uid}"`
    return [fault('datasource', `${what}; use a variable of type datasource: \${datasource}`)]
  })
}

/** Legends and joined columns with a label that the query does not return. */
export function legendFaults(panel: Panel, target: Target, expr: Expr | undefined, { known }: LabMetrics): Fault[] {
  const labels = expr && tracedLabels(expr, known).labels
  if (labels === undefined) return []
  const there = labels.size === 0 ? 'has no labels' : `has ${[...labels].sort().join(', ')}`
  const shown = [...target.legendFormat.matchAll(/\{\{\s*([\w.]+)\s*\}\}/g)].map(([, name = '']) => name)
  const missing = [...new Set(shown)].filter(name => !labels.has(name) && !always.includes(name))
  const joins = panel.transformations
    .filter(({ id, disabled }) => id === 'joinByField' && !disabled && panel.targets.length > 1)
    .flatMap(({ options }) => (typeof options['byField'] === 'string' ? [options['byField']] : []))
    .filter(name => name !== '' && name !== 'Time' && !labels.has(name))
  return [
    ...missing.map(name => fault('legend', `the legend shows {{${name}}}, and the query ${there}`)),
    ...joins.map(name => fault('legend', `the table joins on ${name}, and the query ${there}`)),
  ]
}
