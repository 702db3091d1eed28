import { failedPart, PatternError } from '../../cli/errors.ts'
import type { Dashboard, Variable } from '../../grafana/dashboard-model.ts'
import { interpolate, type VariableValues, variablesIn } from '../../grafana/interpolate.ts'
import { ALL, chosenValue, labelValuesQuery, variableOptions } from '../../grafana/variable-values.ts'
import {
  type PrometheusApi,
  PrometheusUnreachable,
  QueryError,
  type TimeRange,
} from '../../prometheus/prometheus-client.ts'

/** How the values of variables are selected: All, one value, or several. */
export const selectionNames = ['all', 'one', 'several'] as const
export type SelectionName = (typeof selectionNames)[number]

/** The values of a dashboard's variables in one selection. */
export interface VariableSelection {
  name: SelectionName
  values: VariableValues
  /** The options of each variable with a list, by name. With All, the values of All. */
  options: ReadonlyMap<string, readonly string[]>
}

/** A variable whose options can't be listed, or are empty. */
export interface VariableProblem {
  variable: string
  query: string
  /** The reason, as Prometheus or the pattern's parser reports it; undefined when the list is empty. */
  refused: string | undefined
}

/** The inputs of a selection. */
export interface SelectionInputs {
  api: PrometheusApi
  range: TimeRange
  /** The metrics in the dashboard's queries. */
  metrics: readonly string[]
}

const SEVERAL_COUNT = 2
/** Enough metrics to rank values. In a large cluster each has ten thousand series and more. */
const MAX_METRICS = 8
/** How many values are tried when a selection leaves another variable empty, and how many in total. */
const MAX_TRIES = 6
const MAX_TRIES_IN_TOTAL = 30

/** The variables selected so far. */
interface Draft {
  values: VariableValues
  options: ReadonlyMap<string, readonly string[]>
  /** The matchers of the values selected so far. */
  matchers: readonly string[]
  problems: readonly VariableProblem[]
}

/**
 * Selects values for the variables of a dashboard in their order, as Grafana does: each list is filtered by the
 * values before it. A variable without `multi` gets one value. Prefers the values with the most of the dashboard's
 * own metrics that leave no other variable empty, not a namespace without pods.
 */
export async function selectVariables(
  dashboard: Dashboard,
  name: SelectionName,
  inputs: SelectionInputs,
): Promise<{ selection: VariableSelection; problems: readonly VariableProblem[] }> {
  const variables = dashboard.variables.filter(({ type }) => type !== 'datasource' && type !== 'adhoc')
  const elsewhere = skippedVariables(dashboard)
  let tries = 0
  const draft = await selectFrom(0, { values: new Map(), options: new Map(), matchers: [], problems: [] })
  return { selection: { name, values: draft.values, options: draft.options }, problems: draft.problems }

  async function selectFrom(index: number, before: Draft): Promise<Draft> {
    const variable = variables[index]
    if (variable === undefined) return before
    // The lists of other datasources are unknown; the saved value is used.
    const saved = elsewhere.has(variable.name) ? variable.current.filter(value => value !== ALL) : undefined
    const { list, problem } = saved === undefined ? await listOf(variable, before.values, inputs) : { list: saved }
    const problems = problem === undefined ? before.problems : [...before.problems, problem]
    const isAll = name === 'all' && variable.includeAll
    const label = labelOf(variable)
    const ordered = isAll ? list : await ranked(variable, list, { label, matchers: before.matchers, inputs })
    const count = name === 'several' && variable.multi ? SEVERAL_COUNT : 1
    let best: Draft | undefined
    for (let at = 0; at === 0 || (at + count <= ordered.length && at < MAX_TRIES && tries < MAX_TRIES_IN_TOTAL); at++) {
      tries++
      const chosen = isAll ? ('all' as const) : ordered.slice(at, at + count)
      const matcher =
        isAll || label === undefined ? [] : [`${labelText(label)}=~${JSON.stringify(chosenPattern(chosen))}`]
      const draft = await selectFrom(index + 1, {
        values: new Map([...before.values, [variable.name, chosenValue(variable, chosen, list)]]),
        options: new Map([...before.options, [variable.name, isAll ? list : ordered.slice(at, at + count)]]),
        matchers: [...before.matchers, ...matcher],
        problems,
      })
      if (best === undefined || draft.problems.length < best.problems.length) best = draft
      if (isAll || best.problems.length <= problems.length) break
    }
    return best ?? before
  }
}

/** The variables that do not query Prometheus. */
export function skippedVariables({ skipped }: Dashboard): ReadonlySet<string> {
  return new Set(skipped.flatMap(({ kind, name }) => (kind === 'variable' ? [name] : [])))
}

async function listOf(
  variable: Variable,
  known: VariableValues,
  { api, range }: SelectionInputs,
): Promise<{ list: string[]; problem?: VariableProblem }> {
  const query = interpolate(variable.query, known)
  try {
    const list = await variableOptions(variable, { api, range, known })
    return list.length > 0 ? { list } : { list, problem: { variable: variable.name, query, refused: undefined } }
  } catch (error) {
    if (error instanceof PrometheusUnreachable) throw error
    const isKnown = error instanceof QueryError || error instanceof PatternError
    const refused = isKnown ? error.why : Object.values(failedPart(error)).join('; ')
    return { list: [], problem: { variable: variable.name, query, refused } }
  }
}

/** Ranks values: the saved one first for lists that are not from Prometheus, else those with the most metrics. */
async function ranked(
  variable: Variable,
  list: readonly string[],
  { label, matchers, inputs }: { label: string | undefined; matchers: readonly string[]; inputs: SelectionInputs },
): Promise<readonly string[]> {
  if (list.length <= 1) return list
  if (variable.type !== 'query') {
    const preferred = variable.current.filter(value => value !== ALL && list.includes(value))
    return [...preferred, ...list.filter(value => !preferred.includes(value))]
  }
  const { api, range, metrics } = inputs
  if (label === undefined || metrics.length === 0) return list
  const names = `__name__=~${JSON.stringify(chosenPattern(metrics.slice(0, MAX_METRICS)))}`
  const by = labelText(label)
  const series = `{${[names, `${by}!=""`, ...matchers].join(', ')}}`
  const samples = await api
    .instant(`topk(50, count by (${by}) (count by (__name__, ${by}) (${series})))`, range.untilMs)
    .catch(() => [])
  const counts = new Map(samples.map(({ labels, value }) => [labels[label] ?? '', value]))
  return [...list].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))
}

/** A regular expression that matches these values. */
function chosenPattern(values: readonly string[] | 'all'): string {
  return values === 'all' ? '.*' : values.map(value => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
}

/** The label of a variable with a plain `label_values` query. */
function labelOf({ query }: Variable): string | undefined {
  const label = labelValuesQuery(query)?.label
  return label === undefined || label === '' || variablesIn(label).size > 0 ? undefined : label
}

/** A label in PromQL: UTF-8 names are quoted. */
function labelText(label: string): string {
  return /^[a-zA-Z_]\w*$/.test(label) ? label : JSON.stringify(label)
}
