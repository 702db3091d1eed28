import type { PrometheusApi, TimeRange } from '../prometheus/prometheus-client.ts'
import { unquoted } from '../promql/ast-builder.ts'
import type { Variable } from './dashboard-model.ts'
import { interpolate, type VariableValue, type VariableValues } from './interpolate.ts'
import { grafanaRegex, matching } from './js-regex.ts'

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
 * Throws a QueryError, or another LabError, as the API does, and a PatternError for a pattern that can't be used.
 */
export async function variableOptions(variable: Variable, question: VariableQuestion): Promise<string[]> {
  switch (variable.type) {
    case 'query':
      return cut(
        await queried(interpolate(variable.query, question.known), question),
        interpolate(variable.regex, question.known, 'regex'),
      )
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

/** What `label_values(selector, label)` asks for; the selector is empty where it asks for all series. Undefined for another query. */
export function labelValuesQuery(query: string): { selector: string; label: string } | undefined {
  const [, inside] = /^\s*label_values\((.*)\)\s*$/s.exec(query) ?? []
  if (inside === undefined) return undefined
  // The label stands after the last comma, a UTF-8 name in quotes, and a selector may have commas of its own.
  const [label = ''] = /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^,"'`]*)$/s.exec(inside.trimEnd()) ?? []
  const selector = inside
    .trimEnd()
    .slice(0, -label.length || undefined)
    .replace(/,\s*$/, '')
    .trim()
  return { selector: selector === '{}' ? '' : selector, label: unquoted(label.trim()) }
}

async function queried(query: string, { api, range }: VariableQuestion): Promise<string[]> {
  const ofValues = labelValuesQuery(query)
  if (ofValues !== undefined) return await api.labelValues(ofValues.label, ofValues.selector || undefined, range)
  const [, ofNames] = /^\s*label_names\((.*)\)\s*$/s.exec(query) ?? []
  if (ofNames !== undefined) return await api.labelNames(ofNames.trim() || undefined, range)
  const [, pattern] = /^\s*metrics\((.*)\)\s*$/s.exec(query) ?? []
  if (pattern !== undefined) {
    const wanted = grafanaRegex(pattern, 'plain')
    const names = await api.labelValues('__name__', undefined, range)
    return matching(pattern, () => names.filter(name => wanted.test(name)))
  }
  const [, expression = query] = /^\s*query_result\((.*)\)\s*$/s.exec(query) ?? []
  const samples = await api.instant(expression, range.untilMs)
  return samples.map(({ labels, value }) => {
    const { __name__: name = '', ...others } = labels
    const pairs = Object.entries(others).map(([label, text]) => `${label}="${text}"`)
    return `${name}{${pairs.join(',')}} ${value} ${range.untilMs}`
  })
}

/**
 * Keeps what the expression matches: its group `value` (or `text`), else its first group, which of several matches (flag `g`) gives
 * a value each, else the whole.
 */
function cut(values: readonly string[], pattern: string): string[] {
  if (pattern === '') return [...new Set(values)]
  const regex = grafanaRegex(pattern)
  return [...new Set(matching(pattern, () => values.flatMap(value => partsOf(value, regex))))]
}

function partsOf(value: string, regex: RegExp): string[] {
  regex.lastIndex = 0
  const first = regex.exec(value)
  if (first === null) return []
  const matches = regex.global ? [...value.matchAll(regex)].filter(([whole]) => whole !== '') : []
  const named = (name: string) => [first, ...matches].find(({ groups }) => groups?.[name])?.groups?.[name]
  const part = named('value') ?? named('text')
  if (part !== undefined) return [part]
  if (first.length === 1) return [value]
  return matches.length > 1 ? matches.flatMap(match => match[1] ?? []) : [first[1] ?? value]
}

/** `a, b : c, d\,e`: values by comma, each maybe with a name before it. */
function listed(query: string): string[] {
  return query
    .split(/(?<!\\),/)
    .map(part => part.trim().replaceAll('\\,', ','))
    .map(part => / : (.*)$/s.exec(part)?.[1]?.trim() ?? part)
    .filter(part => part !== '' && part !== 'auto')
}
