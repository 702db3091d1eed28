import { fields, text } from '../kube/json.ts'
import type { Skipped, Variable } from './dashboard-model.ts'
import { notPrometheus, readDatasource, type VariableTypes } from './datasource.ts'

/** Reads one variable of a classic dashboard; gives the reason if it does not query Prometheus. */
export function readVariable(
  json: Record<string, unknown>,
  types: VariableTypes,
): { variable: Variable; skipped: Skipped[] } {
  const name = text(json['name']) ?? ''
  const type = text(json['type']) ?? 'query'
  const datasource = readDatasource(json['datasource'], types)
  const query = readQuery(json)
  const variable: Variable = {
    name,
    type,
    label: text(json['label']) ?? '',
    query,
    regex: text(json['regex']) ?? '',
    multi: json['multi'] === true,
    includeAll: json['includeAll'] === true,
    allValue: text(json['allValue']) ?? '',
    current: values(fields(json['current'])['value'] ?? fields(json['current'])['text']),
    hide: hidden(json['hide']),
    datasource,
  }
  const elsewhere = ['query', 'adhoc', 'groupby'].includes(type) ? notPrometheus(datasource) : undefined
  const reason = elsewhere ?? (type === 'query' && query === '' ? 'has no query text' : undefined)
  return { variable, skipped: reason === undefined ? [] : [{ kind: 'variable', name, refId: '', reason }] }
}

/** The text of a query: plain, or in an object with the state of its editor, or in `definition`. */
function readQuery(json: Record<string, unknown>): string {
  const { query, definition } = json
  if (typeof query === 'string' && query !== '') return query
  return text(fields(query)['query']) ?? text(fields(query)['expr']) ?? text(definition) ?? ''
}

function values(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value]
  return list
    .filter(each => typeof each === 'string' || typeof each === 'number')
    .map(String)
    .filter(each => each !== '')
    .map(each => (each === 'All' ? '$__all' : each))
}

/** A number in classic dashboards, a word in v2. */
function hidden(value: unknown): Variable['hide'] {
  if (value === 1 || value === 'hideLabel') return 'label'
  return value === 2 || value === 'hideVariable' ? 'variable' : 'no'
}
