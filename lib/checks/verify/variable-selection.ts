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

/** What a person chooses in each variable's list: everything, one value, or several. */
export const choiceNames = ['all', 'one', 'several'] as const
export type ChoiceName = (typeof choiceNames)[number]

/** A dashboard's variables under one choice. */
export interface Choice {
  name: ChoiceName
  values: VariableValues
  /** What can be chosen of each variable with a list, by name: under All, what All means. */
  options: ReadonlyMap<string, readonly string[]>
}

/** A variable whose list can't be had, or is empty. */
export interface VariableProblem {
  variable: string
  query: string
  /** Why, in the words of Prometheus or of what reads its patterns; undefined when the list is empty. */
  refused: string | undefined
}

/** What choices are made with. */
export interface ChoiceInputs {
  api: PrometheusApi
  range: TimeRange
  /** The metrics that the dashboard's queries name. */
  metrics: readonly string[]
}

const SEVERAL = 2
/** So many metrics say enough of which value there is most to say of: of a large cluster each has ten thousand series and more. */
const MOST_METRICS = 8
/** How many values are tried where a choice leaves another variable without any, and how many in all. */
const TRIES = 6
const TRIES_IN_ALL = 30

/** Variables chosen so far. */
interface Draft {
  values: VariableValues
  options: ReadonlyMap<string, readonly string[]>
  /** What the choices so far ask of a series. */
  matchers: readonly string[]
  problems: readonly VariableProblem[]
}

/**
 * The variables of a dashboard under one choice, each asked for as Grafana would, in their order, with the values of those
 * before it. A variable that can't have several values has one. What is chosen is what the dashboard's own metrics say
 * most of, and leaves no other variable empty: not a namespace where nothing runs.
 */
export async function choose(
  dashboard: Dashboard,
  name: ChoiceName,
  inputs: ChoiceInputs,
): Promise<{ choice: Choice; problems: readonly VariableProblem[] }> {
  const variables = dashboard.variables.filter(({ type }) => type !== 'datasource' && type !== 'adhoc')
  const elsewhere = skippedVariables(dashboard)
  let tries = 0
  const draft = await chooseFrom(0, { values: new Map(), options: new Map(), matchers: [], problems: [] })
  return { choice: { name, values: draft.values, options: draft.options }, problems: draft.problems }

  async function chooseFrom(index: number, before: Draft): Promise<Draft> {
    const variable = variables[index]
    if (variable === undefined) return before
    // What another datasource would list isn't known: it is what was chosen when the dashboard was saved.
    const saved = elsewhere.has(variable.name) ? variable.current.filter(value => value !== ALL) : undefined
    const { list, problem } = saved === undefined ? await listOf(variable, before.values, inputs) : { list: saved }
    const problems = problem === undefined ? before.problems : [...before.problems, problem]
    const isAll = name === 'all' && variable.includeAll
    const label = labelOf(variable)
    const ordered = isAll ? list : await ranked(variable, list, { label, matchers: before.matchers, inputs })
    const count = name === 'several' && variable.multi ? SEVERAL : 1
    let best: Draft | undefined
    for (let at = 0; at === 0 || (at + count <= ordered.length && at < TRIES && tries < TRIES_IN_ALL); at++) {
      tries++
      const chosen = isAll ? ('all' as const) : ordered.slice(at, at + count)
      const matcher =
        isAll || label === undefined ? [] : [`${labelText(label)}=~${JSON.stringify(chosenPattern(chosen))}`]
      const draft = await chooseFrom(index + 1, {
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

/** The variables of a dashboard that Prometheus can't be asked for. */
export function skippedVariables({ skipped }: Dashboard): ReadonlySet<string> {
  return new Set(skipped.flatMap(({ kind, name }) => (kind === 'variable' ? [name] : [])))
}

async function listOf(
  variable: Variable,
  known: VariableValues,
  { api, range }: ChoiceInputs,
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

/** The chosen or default value first, where it isn't Prometheus that says; else what the metrics have most to say of. */
async function ranked(
  variable: Variable,
  list: readonly string[],
  { label, matchers, inputs }: { label: string | undefined; matchers: readonly string[]; inputs: ChoiceInputs },
): Promise<readonly string[]> {
  if (list.length <= 1) return list
  if (variable.type !== 'query') {
    const preferred = variable.current.filter(value => value !== ALL && list.includes(value))
    return [...preferred, ...list.filter(value => !preferred.includes(value))]
  }
  const { api, range, metrics } = inputs
  if (label === undefined || metrics.length === 0) return list
  const names = `__name__=~${JSON.stringify(chosenPattern(metrics.slice(0, MOST_METRICS)))}`
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

/** The label whose values a variable lists, where its query is that plain. */
function labelOf({ query }: Variable): string | undefined {
  const label = labelValuesQuery(query)?.label
  return label === undefined || label === '' || variablesIn(label).size > 0 ? undefined : label
}

/** A label as PromQL has it: a UTF-8 name stands in quotes. */
function labelText(label: string): string {
  return /^[a-zA-Z_]\w*$/.test(label) ? label : JSON.stringify(label)
}
