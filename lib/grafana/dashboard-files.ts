import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { failedPart, LabError, systemErrorCode, UsageError } from '../cli/errors.ts'
import type { Settings } from '../cli/settings.ts'
import { readUserFile } from '../system/yaml-files.ts'
import type { Dashboard } from './dashboard-model.ts'
import { classicDashboard, readDashboardFile, readJsonFile } from './read-dashboard.ts'

/** The dashboards of some files, and the files that could not be read. */
export interface ReadFiles {
  dashboards: Dashboard[]
  refused: RefusedFile[]
}

/** A path without a dashboard, and the reason. */
export interface RefusedFile {
  source: string
  error: LabError
}

const nextOfDir = 'set DASHBOARDS_DIR to a folder of dashboards, or to none'

/** The paths of `DASHBOARDS_DIR`; empty for `none`. */
export function dashboardsDirPaths({ dashboardsDir }: Settings): string[] {
  return dashboardsDir === 'none' ? [] : [dashboardsDir]
}

/**
 * The folder of `DASHBOARDS_DIR`; undefined for `none`.
 *
 * Throws a UsageError when it does not exist.
 */
export function requireDashboardsDir(settings: Settings): string | undefined {
  const [dir] = dashboardsDirPaths(settings)
  if (dir === undefined || statOf(dir)?.isDirectory() === true) return dir
  throw new UsageError(`Cannot add the dashboards of ${dir}`, { why: 'there is no such folder', next: nextOfDir })
}

/**
 * Reads the dashboards of paths: each a file, a folder (its `*.json`, subfolders included), or a pattern with `*`,
 * `?` and `**` as in a shell. A file of several paths is read once.
 *
 * Paths that can't be read or match nothing are in `refused`.
 */
export function readDashboardFiles(paths: readonly string[]): ReadFiles {
  const read: ReadFiles = { dashboards: [], refused: [] }
  const seen = new Set<string>()
  for (const path of paths) {
    const files = orRefused(path, () => dashboardFiles(path))
    if (files?.length === 0) {
      const next = 'name a JSON file, a folder with some, or a pattern in quotes such as "dashboards/*.json"'
      read.refused.push({ source: path, error: new LabError(`There is no dashboard at ${path}`, { next }) })
    }
    for (const file of files ?? []) {
      if (seen.has(file)) continue
      seen.add(file)
      const dashboard = orRefused(file, () => readDashboardFile(file))
      if (dashboard !== undefined) read.dashboards.push(dashboard)
    }
  }
  return read

  function orRefused<T>(source: string, act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      const { what, next } = failedPart(error)
      const refusal = error instanceof LabError ? error : new LabError(source, { why: what, next, cause: error })
      read.refused.push({ source, error: refusal })
      return undefined
    }
  }
}

/** A folder of dashboards for Grafana's file provisioning. */
export interface ProvisionedFolder {
  /** The text of each dashboard, by its path in the folder. */
  texts: Map<string, string>
  /** Some texts differ from their files, so Grafana must read the texts. */
  isConverted: boolean
  /** The files that were converted or omitted, with the reason, one line each. */
  notes: string[]
}

/**
 * The dashboards of a folder as classic JSON, the only form that Grafana loads from files. It omits other forms, such
 * as the v2 schema, with a line in its log.
 */
export function provisionedFolder(dir: string): ProvisionedFolder {
  const texts = new Map<string, string>()
  const notes: string[] = []
  let isConverted = false
  for (const file of dashboardFiles(dir)) {
    const name = relative(dir, file).split(sep).join('/')
    try {
      const json = readJsonFile(file)
      const classic = classicDashboard(json, file)
      const isAsItIs = classic.json === json
      texts.set(name, isAsItIs ? readFileSync(file, 'utf8') : `${JSON.stringify(classic.json, null, 2)}\n`)
      if (isAsItIs) continue
      isConverted = true
      const losses = classic.losses.map(each => `; ${each}`).join('')
      notes.push(`${file} is converted for Grafana, which loads only classic dashboards from files${losses}`)
    } catch (error) {
      const { what, next } = failedPart(error)
      const named = error instanceof LabError ? what : `${file}: ${what}`
      notes.push(`${named}. It is left out of Grafana; ${next}`)
    }
  }
  return { texts, isConverted, notes }
}

/** The files of a path, sorted. */
function dashboardFiles(path: string): string[] {
  const stats = statOf(path)
  if (stats?.isDirectory() === true) return filesBelow(path).filter(file => file.endsWith('.json'))
  if (stats !== undefined) return [path]
  const parts = path.split('/')
  const first = parts.findIndex(part => /[*?]/.test(part))
  if (first === -1) return []
  const base = parts.slice(0, first).join('/') || (path.startsWith('/') ? '/' : '.')
  const pattern = globPattern(parts.slice(first).join('/'))
  return filesBelow(base).filter(file => pattern.test(relative(base, file).split(sep).join('/')))
}

/** The stats of a path; undefined where it does not exist, or a part of it is a file. */
function statOf(path: string) {
  return readUserFile(path, nextOfDir, () => {
    try {
      return statSync(path)
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
      throw error
    }
  })
}

function globPattern(glob: string): RegExp {
  const text = glob.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, token => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    return token === '?' ? '[^/]' : `\\${token}`
  })
  return new RegExp(`^${text}$`)
}

/** Not by `recursive`: with it, Node.js 22 follows links to folders. */
function filesBelow(folder: string): string[] {
  if (statOf(folder)?.isDirectory() !== true) return []
  return readUserFile(folder, nextOfDir, path => readdirSync(path, { withFileTypes: true }))
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort()
}
