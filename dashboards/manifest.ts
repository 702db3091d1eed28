import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fields } from '../lib/kube/json.ts'
import { projectDir } from '../lib/lab/lab.ts'
import type { TraceStore } from './links.ts'

/** Where what is generated goes, the same for every lab of this clone; git-ignored. */
export const outDir = join(projectDir, 'dashboards', 'out')
/** Beside the generated files: what they were made of, and what they were. */
export const MANIFEST = 'made.json'

/** The folder of the dashboards, by what keeps the traces that they lead to. */
export function jsonFolder(tracesIn: TraceStore): string {
  return tracesIn === 'jaeger' ? 'json' : 'json-tempo'
}

/** Where whatever can change a generated file lies; of Grafana's SDK the lock file says the version. */
const SOURCES = ['dashboards', 'lib'] as const
const LOCK = 'package-lock.json'

/** One text for all that generated files are made of: the same sources make the same files. */
export function inputsHash(root = projectDir): string {
  const hash = createHash('sha256')
  for (const folder of SOURCES) {
    const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    for (const path of paths.filter(each => each.endsWith('.ts')).sort()) {
      hash.update(`\n${folder}/${path}\n`).update(readFileSync(join(root, folder, path)))
    }
  }
  return hash.update(readFileSync(join(root, LOCK))).digest('hex')
}

/** The text of `MANIFEST`, of generated files by their paths. */
export function manifestText(inputs: string, files: ReadonlyMap<string, string>): string {
  const hashes = [...files].map(([path, text]) => [path, hashOf(text)] as const)
  return `${JSON.stringify({ inputs, files: Object.fromEntries(hashes) }, null, 2)}\n`
}

/** The paths of the generated files in a folder, when they were made of these inputs and nobody has touched them since. */
export function unchangedFiles(dir: string, inputs: string): string[] | undefined {
  const path = join(dir, MANIFEST)
  if (!existsSync(path)) return undefined
  let made: Record<string, unknown>
  try {
    made = fields(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
  if (made['inputs'] !== inputs) return undefined
  const files = Object.entries(fields(made['files']))
  const isAsMade = ([name, hash]: [string, unknown]) =>
    existsSync(join(dir, name)) && hashOf(readFileSync(join(dir, name), 'utf8')) === hash
  const there = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  // And nothing else is there.
  if (files.length === 0 || there.length !== files.length + 1 || !files.every(isAsMade)) return undefined
  return files.map(([name]) => name)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
