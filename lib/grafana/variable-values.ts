import type { PrometheusApi, TimeRange } from '../prometheus/prometheus-client.ts'
import { unquoted } from '../promql/ast-builder.ts'
import type { Variable } from './dashboard-model.ts'
import { interpolate, type VariableValue, type VariableValues } from './interpolate.ts'
import { grafanaRegex, matching } from './js-regex.ts'

/** The inputs of a variable's list. */
export interface VariableQuestion {
  api: PrometheusApi
  range: TimeRange
  /** The variables before it, for chained queries. */
  known: VariableValues
}

/** The value of All in a list of selected values. */
export const ALL = '$__all'

/**
 * The options of a variable in Grafana's order, without All. Those of a query variable come from Prometheus:
 * `label_values(metric, label)`, `label_values(label)`, `label_names()`, `metrics(regex)`, `query_result(expr)`; the
 * variable's regular expression filters and cuts them. A datasource variable has none.
 *
 * Throws a QueryError, or another LabError, as the API does, and a PatternError for an invalid pattern.
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
      return [...variable.current]
  }
}

/** The value of a variable with some options, or All, selected. */
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

/**
 * The selector and label of `label_values(selector, label)`; the selector is empty for all series. Undefined for
 * another query.
 */
export function labelValuesQuery(query: string): { selector: string; label: string } | undefined {
  const [, inside] = /^\s*label_values\((.*)\)\s*$/s.exec(query) ?? []
  if (inside === undefined) return undefined
  const label = lastPart(inside.trimEnd())
  const selector = inside
    .trimEnd()
    .slice(0, -label.length || undefined)
    .replace(/,\s*$/, '')
    .trim()
  return { selector: selector === '{}' ? '' : selector, label: unquoted(label.trim()) }
}

/** The form of a query other than `label_values`, and what is in its brackets; a query without a form is an expression. */
export function queryForm(query: string): { form: string; inside: string } {
  const [, form = '', inside = query] = /^\s*(label_names|metrics|query_result)\((.*)\)\s*$/s.exec(query) ?? []
  return { form, inside }
}

/** The text after the last comma, or the name in quotes at the end. The selector before it can have commas of its own. */
function lastPart(text: string): string {
  const quote = text.at(-1) ?? ''
  const marks = ['"', "'", '`']
  if (!marks.includes(quote)) return text.slice(1 + Math.max(...[',', ...marks].map(mark => text.lastIndexOf(mark))))
  let start = text.length - 1
  do start = text.lastIndexOf(quote, start - 1)
  while (start > 0 && quote !== '`' && isEscaped(text, start))
  return start === -1 ? '' : text.slice(start)
}

function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text[before - 1] === '\\') before--
  return (at - before) % 2 === 1
}

async function queried(query: string, { api, range }: VariableQuestion): Promise<string[]> {
  const ofValues = labelValuesQuery(query)
  if (ofValues !== undefined) return await api.labelValues(ofValues.label, ofValues.selector || undefined, range)
  const { form, inside } = queryForm(query)
  if (form === 'label_names') return await api.labelNames(inside.trim() || undefined, range)
  if (form === 'metrics') {
    const wanted = grafanaRegex(inside, 'plain')
    const names = await api.labelValues('__name__', undefined, range)
    return matching(inside, () => names.filter(name => wanted.test(name)))
  }
  const samples = await api.instant(inside, range.untilMs)
  return samples.map(({ labels, value }) => {
    const { __name__: name = '', ...others } = labels
    const pairs = Object.entries(others).map(([label, text]) => `${label}="${text}"`)
    return `${name}{${pairs.join(',')}} ${value} ${range.untilMs}`
  })
}

/**
 * Keeps the matched part: the group `value` (or `text`), else the first group (with flag `g`, one value per match),
 * else the whole match.
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

/** `a, b : c, d\,e`: values separated by commas, each with an optional name before a colon. */
function listed(query: string): string[] {
  return query
    .split(/(?<!\\),/)
    .map(part => part.trim().replaceAll('\\,', ','))
    .map(part => / : (.*)$/s.exec(part)?.[1]?.trim() ?? part)
    .filter(part => part !== '' && part !== 'auto')
}
