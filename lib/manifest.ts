import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { UsageError } from './errors.ts'
import { fields } from './kube/json.ts'
import { projectDir } from './lab.ts'

/** A manifest as far as the lab looks at it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  [field: string]: unknown
}

/**
 * Reads the manifest of one object from a YAML file.
 *
 * Throws a UsageError with file and line when it is not YAML, and with what was found when it is of another kind.
 */
export function readManifest(file: string, kind: string): Manifest {
  const shown = relative(projectDir, file)
  const lines = new LineCounter()
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines, prettyErrors: false })
  const error = document.errors[0]
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    throw new UsageError(`Cannot read ${shown}:${line}:${col}`, { why: error.message, next: `mend ${shown}` })
  }
  const object = fields(document.toJS())
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

function isRanged(node: unknown): node is { range: [number, number, number] } {
  return Array.isArray(fields(node)['range'])
}
