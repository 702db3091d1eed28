import { fields, items, text } from '../kube/json.ts'
import type { Datasource } from './dashboard-model.ts'

/** Datasource types with PromQL: Prometheus, and Grafana's plugins with its API. */
const promqlTypes = ['prometheus', 'grafana-amazonprometheus-datasource', 'grafana-azureprometheus-datasource']

/** The type of a datasource with nothing but a name or uid, if that is one of these. */
const namedTypes = ['prometheus', 'loki', 'tempo', 'jaeger', 'pyroscope', 'elasticsearch', 'influxdb', 'graphite']

/** Grafana's reserved names and their types. */
const builtIn: Readonly<Record<string, string>> = {
  __expr__: '__expr__',
  '-- Grafana --': 'grafana',
  '-- Mixed --': 'mixed',
  '-- Dashboard --': 'dashboard',
  grafana: 'grafana',
}

/** Types by variable: datasource variables, and the inputs of an export. */
export type VariableTypes = ReadonlyMap<string, string>

/** The types of a classic dashboard's datasource variables and `__inputs`. */
export function variableTypes(dashboard: Record<string, unknown>): VariableTypes {
  const types = new Map<string, string>()
  for (const each of items(dashboard['__inputs'])) {
    const { name, type, pluginId } = fields(each)
    if (type === 'datasource') types.set(String(name), text(pluginId) ?? '')
  }
  for (const each of items(fields(dashboard['templating'])['list'])) {
    const { name, type, query } = fields(each)
    if (type === 'datasource') types.set(String(name), text(query) ?? '')
  }
  return types
}

/**
 * A datasource in any form: `{type, uid}`, a name, or a variable, which gets its type. No datasource is the default
 * one, whose type is unknown.
 */
export function readDatasource(value: unknown, types: VariableTypes): Datasource {
  const given = typeof value === 'string' ? value : text(fields(value)['uid'])
  const uid = given ?? ''
  const variable = /^(?:\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\])$/.exec(uid)?.slice(1).find(Boolean)
  const known = variable === undefined ? builtIn[uid] : types.get(variable)
  // The type beside a variable can be outdated.
  const type = known || text(fields(value)['type']) || namedType(uid)
  return { type, uid }
}

function namedType(uid: string): string {
  return namedTypes.find(type => type === uid.toLowerCase()) ?? ''
}

/** The datasource of a target: its own, else that of its panel unless that is mixed. */
export function targetDatasource(own: Datasource, ofPanel: Datasource): Datasource {
  if (own.uid !== '' || own.type !== '') return own
  return ofPanel.type === 'mixed' ? { type: '', uid: '' } : ofPanel
}

/** Why a datasource is not a Prometheus; undefined if it is or may be one. */
export function notPrometheus({ type, uid }: Datasource): string | undefined {
  if (type === '' || promqlTypes.includes(type)) return undefined
  if (type === '__expr__') return "is an expression over other queries, which Grafana's server works out"
  if (type === 'dashboard') return "shows another panel's data"
  if (type === 'grafana') return "asks Grafana's built-in datasource, not Prometheus"
  return `asks ${type}${uid === '' || uid === type ? '' : ` (${uid})`}, not Prometheus`
}
