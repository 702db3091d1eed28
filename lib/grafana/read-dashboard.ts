import { LabError } from '../cli/errors.ts'
import { fields, text } from '../kube/json.ts'
import { readClassic } from './classic-dashboard.ts'
import type { Dashboard } from './dashboard-model.ts'
import { type ClassicJson, classicOfV2, isV2 } from './v2-dashboard.ts'

/**
 * Reads the JSON of any dashboard.
 *
 * Throws a LabError as `classicDashboard` does.
 */
export function readDashboard(json: unknown, source: string): Dashboard {
  return readClassic(classicDashboard(json, source).json, source)
}

/**
 * Converts the JSON of any dashboard to a classic one, the only form of Grafana's file provisioning. Classic
 * dashboards of all schema versions and exports for sharing stay as they are. Other forms are the answer of the HTTP
 * API (`{dashboard, meta}`), a Kubernetes resource (`apiVersion: dashboard.grafana.app/…`) with the classic or the v2
 * schema, and v2 without the resource.
 *
 * Throws a LabError for anything else, which names what it is where possible.
 */
export function classicDashboard(json: unknown, source: string): ClassicJson {
  const outer = fields(json)
  const inner = fields(outer['dashboard'])
  const top = Object.keys(inner).length > 0 && outer['panels'] === undefined ? inner : outer
  const resource = text(top['apiVersion']) !== undefined && top['spec'] !== undefined
  const spec = resource ? fields(top['spec']) : top
  const name = text(fields(top['metadata'])['name']) ?? ''
  if (isV2(spec)) return classicOfV2(spec, name || (text(spec['uid']) ?? ''))
  const wrong = notADashboard(json, spec)
  if (wrong !== undefined) {
    const next = 'name a file that Grafana’s "Export as JSON" wrote'
    throw new LabError(`${source} is not a Grafana dashboard`, { why: wrong, next })
  }
  return { json: name === '' ? spec : { uid: name, ...spec }, losses: [] }
}

/** Why the JSON is not a classic dashboard, which has panels or rows, and a title or a uid. */
function notADashboard(json: unknown, spec: Record<string, unknown>): string | undefined {
  if (Array.isArray(json)) return 'it is a list, and a dashboard is an object'
  if (typeof json !== 'object' || json === null)
    return `it is ${json === null ? 'null' : `a ${typeof json}`}, and a dashboard is an object`
  if (Array.isArray(spec['panels']) || Array.isArray(spec['rows'])) {
    return (spec['title'] ?? spec['uid']) === undefined ? 'it has panels, and neither a title nor a uid' : undefined
  }
  if (spec['panels'] !== undefined) return '"panels" is not a list'
  if (Array.isArray(spec['targets'])) return 'it is a single panel'
  // An empty dashboard that was saved has a schema version and no panels.
  if (typeof spec['schemaVersion'] === 'number' && typeof spec['title'] === 'string') return undefined
  const keys = Object.keys(fields(json))
  return keys.length === 0
    ? 'it is empty'
    : `it has neither "panels" nor "rows" nor "elements" (it has ${keys.slice(0, 5).join(', ')})`
}
