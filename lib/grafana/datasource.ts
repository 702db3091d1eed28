import { fields, items, text } from '../kube/json.ts'
import type { Datasource } from './dashboard-model.ts'

/** The kinds that answer PromQL: Prometheus itself, and Grafana's plugins that speak its API. */
const promqlTypes = ['prometheus', 'grafana-amazonprometheus-datasource', 'grafana-azureprometheus-datasource']

/** Types that a datasource given by nothing but its name or uid is likely to have. */
const namedTypes = ['prometheus', 'loki', 'tempo', 'jaeger', 'pyroscope', 'elasticsearch', 'influxdb', 'graphite']

/** Names that Grafana keeps for itself, with the type they stand for. */
const builtIn: Readonly<Record<string, string>> = {
  __expr__: '__expr__',
  '-- Grafana --': 'grafana',
  '-- Mixed --': 'mixed',
  '-- Dashboard --': 'dashboard',
  grafana: 'grafana',
}

/** Type by variable: of variables of type datasource, and of the inputs that an export asks for. */
export type VariableTypes = ReadonlyMap<string, string>

/** The types that a classic dashboard's own variables and an export's `__inputs` stand for. */
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
 * A datasource in any of its spellings: `{type, uid}`, a name, a variable; none at all is the default one, of which nothing
 * is known. A variable gets the type it stands for.
 */
export function readDatasource(value: unknown, types: VariableTypes): Datasource {
  const given = typeof value === 'string' ? value : text(fields(value)['uid'])
  const uid = given ?? ''
  const variable = /^(?:\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\])$/.exec(uid)?.slice(1).find(Boolean)
  const known = variable === undefined ? builtIn[uid] : types.get(variable)
  // The type beside a variable says what it was when the panel was made; the variable itself knows better.
  const type = known || text(fields(value)['type']) || namedType(uid)
  return { type, uid }
}

function namedType(uid: string): string {
  return namedTypes.find(type => type === uid.toLowerCase()) ?? ''
}

/** The datasource of a target: its own, else its panel's unless that is mixed. */
export function targetDatasource(own: Datasource, ofPanel: Datasource): Datasource {
  if (own.uid !== '' || own.type !== '') return own
  return ofPanel.type === 'mixed' ? { type: '', uid: '' } : ofPanel
}

/** Why a datasource's queries can't be asked of Prometheus; undefined when they can, or nobody knows. */
export function notPrometheus({ type, uid }: Datasource): string | undefined {
  if (type === '' || promqlTypes.includes(type)) return undefined
  if (type === '__expr__') return "is an expression over other queries, which Grafana's server works out"
  if (type === 'dashboard') return "shows another panel's data"
  if (type === 'grafana') return "asks Grafana's built-in datasource, not Prometheus"
  return `asks ${type}${uid === '' || uid === type ? '' : ` (${uid})`}, not Prometheus`
}
