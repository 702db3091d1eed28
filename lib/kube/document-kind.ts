import { fields, items, text } from './json.ts'

/** What a document is. `other` is something that the lab cannot use. */
export interface DocumentKind {
  is: 'dashboard' | 'rules' | 'other'
  /** As in "it is …". */
  what: string
}

const dashboard: DocumentKind = { is: 'dashboard', what: 'a Grafana dashboard' }
const rules: DocumentKind = { is: 'rules', what: 'a file of Prometheus rules' }

/** What a document is by its form; undefined where that can't be told. */
export function documentKind(value: unknown): DocumentKind | undefined {
  const top = fields(value)
  const [kind, version] = [text(top['kind']), text(top['apiVersion'])]
  if (kind !== undefined && version !== undefined) return objectKind(kind, version)
  if (Array.isArray(top['groups'])) return groupsKind(top)
  if (['contactPoints', 'policies', 'muteTimes'].some(name => Array.isArray(top[name])))
    return other('alert provisioning of Grafana')
  const inner = fields(top['dashboard'])
  const isDashboard = [top, inner].some(
    each => Array.isArray(each['panels']) || Array.isArray(each['rows']) || each['elements'] !== undefined,
  )
  return isDashboard ? dashboard : undefined
}

function objectKind(kind: string, version: string): DocumentKind {
  // Also of tools that keep dashboards as such objects.
  if (kind === 'Dashboard' && version.includes('grafana')) return dashboard
  if (kind === 'PrometheusRule' && version.startsWith('monitoring.coreos.com/')) return rules
  if (version.startsWith('loki.grafana.com/')) return other(`a Kubernetes ${kind}, with rules of Loki`)
  return other(`a Kubernetes ${kind}`)
}

/** Prometheus, Grafana, Loki and Mimir have files of rule groups. */
function groupsKind(top: Record<string, unknown>): DocumentKind {
  const groups = items(top['groups']).map(fields)
  const all = groups.flatMap(group => items(group['rules']).map(fields))
  // https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
  if (all.some(rule => Array.isArray(rule['data'])) || groups.some(group => group['folder'] !== undefined))
    return other('a file of alert rules that Grafana evaluates, not Prometheus')
  if (all.some(rule => isLogQl(text(rule['expr']) ?? ''))) return other('a file of Loki rules, with queries in LogQL')
  // https://grafana.com/docs/mimir/latest/references/architecture/components/ruler/
  const ofMimir = ['source_tenants', 'align_evaluation_time_on_interval', 'evaluation_delay', 'remote_write']
  if (text(top['namespace']) !== undefined || groups.some(group => ofMimir.some(name => group[name] !== undefined)))
    return other('a file of Mimir rules, with fields that Prometheus does not have')
  return rules
}

/** Whether a query has a line filter or a parser of LogQL after its stream selector. */
function isLogQl(expr: string): boolean {
  return /\}\s*(?:(?:\|[=~>]|![=~>])\s*["`]|\|\s*(?:json|logfmt|pattern|regexp|unpack|unwrap|line_format|label_format|decolorize|drop|keep)\b)/.test(
    expr,
  )
}

function other(what: string): DocumentKind {
  return { is: 'other', what }
}
