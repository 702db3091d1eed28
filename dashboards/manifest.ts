import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { object, parseJson, pipe, record, safeParse, string } from 'valibot'
import { projectDir } from '../lib/lab/lab.ts'

/** The manifest of the generated files: a hash of their sources, and of each file. */
export const MANIFEST = 'manifest.json'

/** The sources of generated files; the lock file has the version of Grafana's SDK. */
const SOURCES = ['dashboards', 'lib'] as const
const LOCK = 'package-lock.json'

/** A hash of all sources: the same sources generate the same files. */
export function inputsHash(root = projectDir): string {
  const hash = createHash('sha256')
  for (const folder of SOURCES) {
    const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    for (const path of paths.filter(each => /^(?!out\/).*\.(ts|yaml)$/.test(each)).sort()) {
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

const manifestFile = pipe(string(), parseJson(), object({ inputs: string(), files: record(string(), string()) }))

/** The paths of the generated files in a folder, if they are from these sources and unchanged since; else undefined. */
export function unchangedFiles(dir: string, inputs: string): string[] | undefined {
  const path = join(dir, MANIFEST)
  const manifest = safeParse(manifestFile, existsSync(path) ? readFileSync(path, 'utf8') : '')
  if (!manifest.success || manifest.output.inputs !== inputs) return undefined
  const files = Object.entries(manifest.output.files)
  const isUnchanged = ([name, hash]: [string, string]) =>
    existsSync(join(dir, name)) && hashOf(readFileSync(join(dir, name), 'utf8')) === hash
  const existing = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  // No other files may exist.
  if (files.length === 0 || existing.length !== files.length + 1 || !files.every(isUnchanged)) return undefined
  return files.map(([name]) => name)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
