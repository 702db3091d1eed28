import { readdirSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { systemErrorCode, UsageError } from '../cli/errors.ts'
import { type Settings, variableOf } from '../cli/settings.ts'
import { readUserFile } from '../system/yaml-files.ts'

/** The path of standard input. */
export const STDIN = '-'

/** The files of a folder that are read. */
const endings = { dashboard: /\.(json|ya?ml)$/, 'rule file': /\.(json|ya?ml|rules)$/ } as const

/** What is read from files of the user. */
export type SourceKind = keyof typeof endings

/** A file of a path. */
export interface SourceFile {
  path: string
  /** Relative to the folder that was named. */
  name: string
  /** The path itself was given, not a folder or a pattern. */
  isNamed: boolean
}

/** The settings that name files of the user. */
type SourcesSetting = 'dashboardsDir' | 'rulesDir'

/** The paths of `DASHBOARDS_DIR` or `RULES_DIR`; empty for `none`. */
export function sourcePaths(settings: Settings, name: SourcesSetting): string[] {
  return settings[name] === 'none' ? [] : settings[name].split(':')
}

/**
 * The same.
 *
 * Throws a UsageError when a path does not exist.
 */
export function requireSources(settings: Settings, name: SourcesSetting): string[] {
  const [kind, what] = name === 'rulesDir' ? (['rule file', 'rules'] as const) : (['dashboard', 'dashboards'] as const)
  const paths = sourcePaths(settings, name)
  for (const path of paths) {
    if (statOf(path) !== undefined || filesOf(path, kind).length > 0) continue
    throw new UsageError(`Cannot add the ${what} of ${path}`, {
      why: 'there is no such file or folder',
      next: `set ${variableOf(name)} to files or folders of ${what}, separated by ":", or to none`,
    })
  }
  return paths
}

/** The state of the files of paths, as a text that changes with them. */
export function sourcesStamp(paths: readonly string[], kind: SourceKind): string {
  return paths.flatMap(path => filesOf(path, kind).map(({ path: file }) => `${file} ${stampOf(file)}`)).join('\n')
}

/** The files of a path, sorted. A path that is a file, and a pattern, can name any file. */
export function filesOf(path: string, kind: SourceKind): SourceFile[] {
  if (path === STDIN) return [{ path, name: 'standard-input', isNamed: true }]
  const stats = statOf(path)
  const named = (base: string) => (file: string) => ({ path: file, name: relative(base, file), isNamed: false })
  if (stats?.isDirectory() === true) {
    return filesBelow(path)
      .filter(file => endings[kind].test(file))
      .map(named(path))
  }
  if (stats !== undefined) return [{ path, name: basename(path), isNamed: true }]
  const parts = path.split('/')
  const first = parts.findIndex(part => /[*?[{]/.test(part))
  if (first === -1) return []
  const base = parts.slice(0, first).join('/') || (path.startsWith('/') ? '/' : '.')
  const pattern = globPattern(parts.slice(first).join('/'))
  return filesBelow(base)
    .filter(file => pattern.test(relative(base, file).split(sep).join('/')))
    .map(named(base))
}

/** The stats of a path; undefined where it does not exist, or a part of it is a file. */
function statOf(path: string) {
  return readUserFile(path, 'name another path', () => {
    try {
      return statSync(path)
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
      throw error
    }
  })
}

/** Whether a path is a folder. */
export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() === true
}

/** Changes when the file is written or replaced, or its mode changes. */
export function stampOf(path: string): string {
  try {
    // Not mtime: a copy can keep that, and a file becomes readable without it.
    const { ctimeMs, size, ino } = statSync(path)
    return `${ctimeMs} ${size} ${ino}`
  } catch (error) {
    return systemErrorCode(error) ?? ''
  }
}

function globPattern(glob: string): RegExp {
  let inBraces = 0
  const text = glob.replace(/\*\*\/|\*\*|\[[^\]/]+\]|[*?{},]|[.+^$()|[\]\\]/g, token => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 1) return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    if (token === '{') inBraces++
    if (token === '{') return '(?:'
    if (inBraces > 0 && token === ',') return '|'
    if (inBraces > 0 && token === '}') inBraces--
    else return `\\${token}`
    return ')'
  })
  return new RegExp(`^${text}$`)
}

/** Not by `recursive`: with it, Node.js 22 follows links to folders. */
function filesBelow(folder: string): string[] {
  if (!isFolder(folder)) return []
  return readUserFile(folder, 'name another path', path => readdirSync(path, { withFileTypes: true }))
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort()
}
