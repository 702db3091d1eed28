import type { Dashboard, Variable } from '../../grafana/dashboard-model.ts'
import { grafanaRegex } from '../../grafana/js-regex.ts'
import { labelValuesQuery, queryForm } from '../../grafana/variable-values.ts'
import { unquoted } from '../../promql/ast-builder.ts'
import { type ParsedQuery, parsePromql, selectorsOf } from '../../promql/promql-parser.ts'
import { patternError, promqlRegex } from '../../promql/promql-regex.ts'
import { variablesIn } from '../../promql/query-variables.ts'
import { type Fault, fault } from './finding.ts'
import { type LabMetrics, tracedLabels } from './lab-metrics.ts'
import { queryFaults } from './query-rules.ts'

/** Variables that each dashboard has. Grafana's other own variables begin with `__`. */
const builtIn = ['timeFilter', 'interval']

/** Faults of how a query uses variables: an unknown one, or `=` with several values. */
export function variableUseFaults(parsed: ParsedQuery, dashboard: Dashboard, repeats: readonly string[] = []): Fault[] {
  const named = (name: string) => dashboard.variables.find(variable => variable.name === name)
  const known = dashboard.variables.map(({ name }) => `$${name}`).join(', ') || 'none'
  const missing = parsed.variables.filter(
    name => !name.startsWith('__') && named(name) === undefined && !builtIn.includes(name),
  )
  const single = selectorsOf(parsed.expr)
    .flatMap(({ matchers }) => matchers)
    .filter(({ op, value }) => {
      // A repeated panel has one value each time.
      const several = variablesIn(value).filter(name => !repeats.includes(name))
      const mayHaveSeveral = several.some(name => named(name)?.multi || named(name)?.includeAll)
      return mayHaveSeveral && (op === '=' || op === '!=')
    })
  return [
    ...missing.map(name => fault('variable', `there is no variable $${name} (there are ${known})`)),
    ...single.map(({ label, op, value }) => {
      const right = op === '=' ? '=~' : '!~'
      return fault(
        'variable',
        `${label}${op}"${value}" finds nothing when several values or All are chosen; use ${right}`,
      )
    }),
  ]
}

/** Faults of a variable's query, in all forms of Grafana's Prometheus datasource, and of its patterns. */
export function variableQueryFaults(variable: Variable, dashboard: Dashboard, lab: LabMetrics): Fault[] {
  return [...queryFormFaults(variable, dashboard, lab), ...variablePatternFaults(variable, dashboard)]
}

function queryFormFaults(variable: Variable, dashboard: Dashboard, lab: LabMetrics): Fault[] {
  if (variable.type !== 'query' || variable.query === '') return []
  const query = variable.query.trim()
  const { form, inside } = queryForm(query)
  if (form === 'label_names') return []
  if (form === 'metrics') return unknownVariables(query, dashboard)
  const ofValues = labelValuesQuery(query)
  // A text without a form is a series selector, and each series is a value.
  if (ofValues === undefined) return expressionFaults(inside, dashboard, lab)
  const { selector, label } = ofValues
  const faults = selector === '' ? unknownVariables(query, dashboard) : expressionFaults(selector, dashboard, lab)
  const of = selector === '' ? lab.labels : seriesLabels(selector, lab)
  if (of === undefined || of.has(label) || variablesIn(label).length > 0 || label === '__name__') return faults
  const there = selector === '' ? 'no metric of the lab has that label' : `it has ${[...of].sort().join(', ')}`
  return [...faults, fault('label', `label_values() asks for ${label}: ${there}`, label)]
}

/**
 * A variable's patterns, each in the dialect of its evaluator: JavaScript in Grafana, RE2 for what Prometheus gets
 * for All.
 */
function variablePatternFaults({ name, type, query, regex, allValue }: Variable, dashboard: Dashboard): Fault[] {
  const { form, inside } = queryForm(query)
  const isMatched = () =>
    expressionsOf(dashboard)
      .flatMap(text => selectorsOf(parsePromql(text).expr).flatMap(({ matchers }) => matchers))
      .some(({ op, value }) => op.endsWith('~') && variablesIn(value).includes(name))
  return [
    ...patternFault('of the names of metrics', type === 'query' && form === 'metrics' ? inside : '', pattern =>
      grafanaRegex(pattern, 'plain'),
    ),
    ...patternFault('of what is chosen from', regex, pattern => grafanaRegex(pattern)),
    ...patternFault('for All', allValue, pattern => promqlRegex(unquoted(`"${pattern}"`))).filter(isMatched),
  ]
}

function patternFault(what: string, pattern: string, compile: (pattern: string) => unknown): Fault[] {
  if (pattern === '' || variablesIn(pattern).length > 0) return []
  const error = patternError(() => compile(pattern))
  return error === undefined ? [] : [fault('pattern', `the pattern ${what} is ${pattern}: ${error.why}`)]
}

/** The queries of a dashboard's panels and the selectors of its variables. */
function expressionsOf({ panels, variables }: Dashboard): string[] {
  return [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...variables.flatMap(({ type, query }) => (type === 'query' ? (labelValuesQuery(query)?.selector ?? query) : [])),
  ]
}

function seriesLabels(series: string, lab: LabMetrics): ReadonlySet<string> | undefined {
  const { expr } = parsePromql(series)
  return expr && tracedLabels(expr, lab.known).labels
}

/** A selector returns series, not values, so a bare counter is fine. */
function expressionFaults(text: string, dashboard: Dashboard, lab: LabMetrics): Fault[] {
  const parsed = parsePromql(text)
  const faults = queryFaults(parsed, lab, dashboard.variables).filter(
    ({ rule }) => parsed.expr?.kind !== 'selector' || rule !== 'function',
  )
  return [...faults, ...variableUseFaults(parsed, dashboard)]
}

function unknownVariables(text: string, dashboard: Dashboard): Fault[] {
  return variableUseFaults({ faults: [], expr: undefined, variables: variablesIn(text) }, dashboard)
}
