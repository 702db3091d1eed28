import { readFileSync } from 'node:fs'
import { LineCounter, parseAllDocuments, stringify } from 'yaml'
import { UsageError } from '../cli/errors.ts'

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
      why: error instanceof Error ? error.message : String(error),
      next,
      cause: error,
    })
  }
}

/**
 * The documents of a YAML file as plain values, `null` for an empty document; an empty file has none.
 *
 * Throws a UsageError with the file, and the line of a syntax error. It does not quote the file, which may hold secrets.
 */
export function readYamlDocuments(file: string, next = `fix ${file}`): unknown[] {
  const lines = new LineCounter()
  const content = readUserFile(file, next, path => readFileSync(path, 'utf8'))
  return parseAllDocuments(content, { lineCounter: lines, prettyErrors: false }).map(document => {
    const [error] = document.errors
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0])
      throw new UsageError(`Cannot read ${file}:${line}:${col}`, { why: error.message, next })
    }
    // Reports an undefined alias, without its line.
    return readUserFile(file, next, () => document.toJS() as unknown)
  })
}

/** Objects as a YAML stream of documents, without anchors. */
export function yamlText(objects: readonly unknown[]): string {
  return objects.map(object => stringify(object, { aliasDuplicateObjects: false })).join('---\n')
}
