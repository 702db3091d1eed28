import { readFileSync, statSync } from 'node:fs'
import { LineCounter, parseAllDocuments, stringify } from 'yaml'
import { messageOf, UsageError } from '../cli/errors.ts'

/**
 * The result of `read` for a file or folder.
 *
 * Throws a UsageError with the path and the reason when reading fails.
 */
export function readUserFile<T>(path: string, next: string, read: (path: string) => T): T {
  try {
    return read(path)
  } catch (error) {
    throw new UsageError(`Cannot read ${path}`, {
      why: messageOf(error),
      next,
      cause: error,
    })
  }
}

/** The largest file of the user that the lab reads. */
const MOST_BYTES = 50 * 2 ** 20

/**
 * The text of a regular file. Reading a named pipe or a device can wait forever.
 *
 * Throws an Error for anything else, for a file of more than `mostBytes`, and when reading fails.
 */
export function regularFileText(path: string, mostBytes = MOST_BYTES): string {
  const stats = statSync(path)
  if (!stats.isFile()) throw new Error('it is not a regular file')
  if (stats.size > mostBytes) {
    const most = `${Math.round(mostBytes / 2 ** 20)} MiB`
    throw new Error(`it has ${Math.ceil(stats.size / 2 ** 20)} MiB, more than the ${most} that the lab reads`)
  }
  return readFileSync(path, 'utf8')
}

/**
 * The documents of a YAML file as plain values, `null` for an empty document; an empty file has none.
 *
 * Throws a UsageError with the file, and the line of a syntax error. It does not quote the file, which may hold secrets.
 */
export function readYamlDocuments(file: string, next?: string): unknown[] {
  return parseYaml(
    readUserFile(file, next ?? `fix ${file}`, path => regularFileText(path)),
    file,
    next,
  )
}

/** An action of a Go template, other than those of labels and values in alerts. */
const TEMPLATE = /\{\{-? *(?:\.Values|if|range|with|end|include|define|template)\b|\{%/

/** The same for the text of a file. */
export function parseYaml(content: string, file: string, next = `fix ${file}`): unknown[] {
  if (isTooDeep(content)) throw new UsageError(`Cannot read ${file}`, { why: 'it is nested too deeply', next })
  const lines = new LineCounter()
  return parseAllDocuments(content, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' }).map(
    document => {
      const [error] = document.errors
      if (error !== undefined) {
        const { line, col } = lines.linePos(error.pos[0])
        const isTemplate = TEMPLATE.test(content)
        throw new UsageError(`Cannot read ${file}:${line}:${col}`, {
          why: error.message,
          next: isTemplate ? 'if it is a template, name what the template renders' : next,
        })
      }
      // Reports an undefined alias, without its line.
      return readUserFile(file, next, () => document.toJS() as unknown)
    },
  )
}

/** Whether brackets or blocks are nested so deeply that the parser, which calls itself for each level, could end the process. */
function isTooDeep(content: string): boolean {
  let depth = 0
  for (const line of content.split('\n')) {
    if (/^ {300}/.test(line)) return true
    // A key or an item of a block: text before it, such as a pattern, may have brackets without an end.
    if (/^ *(?:- |[\w"'./-]+:(?:\s|$))/.test(line)) depth = 0
    for (const [bracket] of line.matchAll(/[[\]{}]/g)) {
      depth = bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1)
      if (depth > 300) return true
    }
  }
  return false
}

/** Objects as a YAML stream of documents, without anchors. */
export function yamlText(objects: readonly unknown[]): string {
  return objects.map(object => stringify(object, { aliasDuplicateObjects: false })).join('---\n')
}
