import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { type Document, LineCounter, parseDocument } from 'yaml'
import { UsageError } from '../cli/errors.ts'
import { fields } from '../kube/json.ts'
import { projectDir } from './lab.ts'

/** The label of nodes and pods that the lab creates. */
export const managedBy = 'app.kubernetes.io/managed-by=kube-otel-lab'

/** A manifest, with the fields that the lab reads. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  [field: string]: unknown
}

/**
 * Reads the manifest of one object from a YAML file.
 *
 * Throws a UsageError with file and line when it is not YAML or has another kind.
 */
export function readManifest(file: string, kind: string): Manifest {
  const shown = relative(projectDir, file)
  const lines = new LineCounter()
  const document = parseDocument(readText(file, shown), { lineCounter: lines, prettyErrors: false })
  const error = document.errors[0]
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    throw new UsageError(`Cannot read ${shown}:${line}:${col}`, { why: error.message, next: `fix ${shown}` })
  }
  const object = fields(plain(document, shown))
  const found = typeof object['kind'] === 'string' ? object['kind'] : 'nothing with a kind'
  if (found !== kind) {
    const at = document.get('kind', true)
    const line = lines.linePos(isRanged(at) ? at.range[0] : 0).line
    throw new UsageError(`${shown}:${line} is not a ${kind}`, {
      why: `it is ${found}`,
      next: `put one ${kind} into ${shown}`,
    })
  }
  const name = fields(object['metadata'])['name']
  if (typeof name !== 'string' || name === '') {
    throw new UsageError(`${shown} has no metadata.name`, { next: `give the ${kind} in ${shown} a name` })
  }
  return object as unknown as Manifest
}

function readText(file: string, shown: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`Cannot read ${shown}`, {
      why: String(error).replace(/^Error: /, ''),
      next: `put it back`,
      cause: error,
    })
  }
}

/** The document as a value. Finds undefined aliases, for which the parser gives no position. */
function plain(document: Document.Parsed, shown: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw new UsageError(`Cannot read ${shown}`, {
      why: error instanceof Error ? error.message : String(error),
      next: `fix ${shown}`,
      cause: error,
    })
  }
}

function isRanged(node: unknown): node is { range: [number, number, number] } {
  return Array.isArray(fields(node)['range'])
}
