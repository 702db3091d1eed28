import { readFileSync } from 'node:fs'
import { LineCounter, parseAllDocuments } from 'yaml'
import { UsageError } from '../cli/errors.ts'

/**
 * What `read` gives of a file or folder that the user has named.
 *
 * Throws a UsageError that names it, with the reason, when it can't be read.
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
 * The documents of a YAML file of the user's, as plain values; none of an empty file.
 *
 * Throws a UsageError that names the file, and the line where it is not YAML. What is in the file is not quoted: it may be secret.
 */
export function readYamlDocuments(file: string, next: string): unknown[] {
  const lines = new LineCounter()
  const content = readUserFile(file, next, path => readFileSync(path, 'utf8'))
  return parseAllDocuments(content, { lineCounter: lines, prettyErrors: false }).map(document => {
    const [error] = document.errors
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0])
      throw new UsageError(`Cannot read ${file}:${line}:${col}`, { why: error.message, next })
    }
    // An alias that nothing defines is only found now, and without its place.
    return readUserFile(file, next, () => document.toJS() as unknown)
  })
}
