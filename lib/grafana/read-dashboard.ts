import { parseAllDocuments } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { fields, text } from '../kube/json.ts'
import { jsonFault } from '../system/json-error.ts'
import { regularFileText } from '../system/yaml-files.ts'
import { readClassic } from './classic-dashboard.ts'
import type { Dashboard } from './dashboard-model.ts'
import { type ClassicJson, classicOfV2, isV2 } from './v2-dashboard.ts'

/**
 * Reads a dashboard's file.
 *
 * Throws a LabError that names the file when it can't be read, is not JSON (with the line), or not a dashboard.
 */
export function readDashboardFile(path: string): Dashboard {
  return readDashboard(readJsonFile(path), path)
}

/**
 * Reads the JSON of a dashboard's file.
 *
 * Throws a LabError that names the file when it can't be read or is not a regular file, is not JSON (with the line), or is nested too
 * deeply.
 */
export function readJsonFile(path: string): unknown {
  let content: string
  try {
    content = regularFileText(path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LabError(`Cannot read ${path}`, {
      why,
      next: 'name a dashboard’s JSON file, or a folder of them',
      cause: error,
    })
  }
  const json = content.replace(/^\uFEFF/, '')
  if (isTooDeep(json)) {
    throw new LabError(`Cannot read ${path}`, {
      why: `its JSON is nested deeper than ${MOST_LEVELS} levels`,
      next: 'name a file that Grafana’s "Export as JSON" wrote',
    })
  }
  return parseJson(json, path)
}

/** Dashboards have some 20 levels. Thousands exceed the stack of the functions that read them. */
const MOST_LEVELS = 500

function isTooDeep(json: string): boolean {
  let [depth, isInString] = [0, false]
  for (let at = 0; at < json.length && depth <= MOST_LEVELS; at++) {
    const char = json[at]
    if (char === '"') isInString = !isInString
    else if (isInString) at += char === '\\' ? 1 : 0
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
  }
  return depth > MOST_LEVELS
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    const format = otherFormat(content)
    if (format !== undefined) {
      throw new LabError(`${path} is not a Grafana dashboard in JSON`, {
        why: `it is ${format} in YAML`,
        next: 'name JSON files: the lab reads dashboards as JSON only',
        cause: error,
      })
    }
    const fault = jsonFault(content)
    const where = fault === undefined ? '' : `, line ${fault.line}, column ${fault.column}`
    const why = content.trim() === '' ? 'the file is empty' : error instanceof Error ? error.message : String(error)
    throw new LabError(`${path}${where}: this is no JSON`, {
      why,
      next: 'export the dashboard from Grafana again',
      cause: error,
    })
  }
}

/** A larger text is not parsed as YAML, which is slow. */
const MOST_YAML = 2 ** 20

/** What a YAML text is; undefined for any other text. */
function otherFormat(content: string): string | undefined {
  if (/^\s*[{[]/.test(content) || content.length > MOST_YAML) return undefined
  try {
    const top = fields(parseAllDocuments(content)[0]?.toJS())
    if (Array.isArray(top['groups'])) return 'a file of Prometheus rules'
    const kind = text(top['kind'])
    if (kind !== undefined && text(top['apiVersion']) !== undefined) return `a Kubernetes ${kind}`
    return Array.isArray(top['panels']) ? 'a dashboard' : undefined
  } catch {
    return undefined
  }
}

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
