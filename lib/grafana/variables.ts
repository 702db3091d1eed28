import type { PrometheusApi, TimeRange } from '../prometheus/api.ts'
import { interpolate, type VariableValue, type VariableValues } from './interpolate.ts'
import type { Variable } from './model.ts'

/** What a variable's list is asked with. */
export interface VariableQuestion {
  api: PrometheusApi
  range: TimeRange
  /** The variables that stand before it, for queries that follow their parents. */
  known: VariableValues
}

/** What stands for All among a variable's values. */
export const ALL = '$__all'

/**
 * The values that a person could choose from, in Grafana's order, without All. Of a query variable they are asked of
 * Prometheus: `label_values(metric, label)`, `label_values(label)`, `label_names()`, `metrics(regex)`, `query_result(expr)`;
 * then the variable's regular expression filters and cuts them. A datasource variable has none to ask for.
 *
 * Throws a QueryRefused, or another LabError, as the API does.
 */
export async function variableOptions(variable: Variable, question: VariableQuestion): Promise<string[]> {
  switch (variable.type) {
    case 'query':
      return cut(await queried(interpolate(variable.query, question.known), question), variable.regex)
    case 'custom':
    case 'interval':
      return listed(variable.query)
    case 'constant':
    case 'textbox':
      return [variable.query || (variable.current[0] ?? '')]
    default:
      return variable.options.length > 0 ? [...variable.options] : [...variable.current]
  }
}

/** A variable's value when some of its options, or All, are chosen. */
export function chosenValue(
  variable: Variable,
  choice: readonly string[] | 'all',
  options: readonly string[],
): VariableValue {
  const several = variable.multi || variable.includeAll
  if (choice !== 'all') return { values: choice, several }
  if (variable.allValue !== '') return { values: options, allText: variable.allValue, several, isAll: true }
  return { values: options, several, isAll: true }
}

async function queried(query: string, { api, range }: VariableQuestion): Promise<string[]> {
  const [, ofValues] = /^\s*label_values\((.*)\)\s*$/s.exec(query) ?? []
  if (ofValues !== undefined) {
    // The label stands after the last comma, and a selector may have commas of its own.
    const [, selector, label = ''] = /^(?:(.*),)?\s*([\w.]+)\s*$/s.exec(ofValues) ?? []
    return await api.labelValues(label, selector?.trim() || undefined, range)
  }
  const [, ofNames] = /^\s*label_names\((.*)\)\s*$/s.exec(query) ?? []
  if (ofNames !== undefined) return await api.labelNames(ofNames.trim() || undefined, range)
  const [, pattern] = /^\s*metrics\((.*)\)\s*$/s.exec(query) ?? []
  if (pattern !== undefined) {
    const wanted = new RegExp(pattern)
    return (await api.labelValues('__name__', undefined, range)).filter(name => wanted.test(name))
  }
  const [, expression = query] = /^\s*query_result\((.*)\)\s*$/s.exec(query) ?? []
  const samples = await api.instant(expression, range.untilMs)
  return samples.map(({ labels, value }) => {
    const { __name__: name = '', ...others } = labels
    const pairs = Object.entries(others).map(([label, text]) => `${label}="${text}"`)
    return `${name}{${pairs.join(',')}} ${value} ${range.untilMs}`
  })
}

/** Keeps what the expression matches: its group `value` (or `text`), else its first group, else the whole. */
function cut(values: readonly string[], regex: string): string[] {
  if (regex === '') return [...new Set(values)]
  const [, body = regex, flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(regex) ?? []
  const wanted = new RegExp(body, flags.replace(/[gy]/g, ''))
  const kept = values.flatMap(value => {
    const match = wanted.exec(value)
    if (match === null) return []
    return [match.groups?.['value'] ?? match.groups?.['text'] ?? match[1] ?? value]
  })
  return [...new Set(kept)]
}

/** `a, b : c, d\,e`: values by comma, each maybe with a name before it. */
function listed(query: string): string[] {
  return query
    .split(/(?<!\\),/)
    .map(part => part.trim().replaceAll('\\,', ','))
    .map(part => / : (.*)$/s.exec(part)?.[1]?.trim() ?? part)
    .filter(part => part !== '' && part !== 'auto')
}
