import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomically } from './lab.ts'

/**
 * Writes files to a folder and, with `removeOthers`, removes all others but the one to keep. Unchanged files are not
 * written, because Grafana and Prometheus may be reading them. Returns how many files changed.
 *
 * Throws a LabError when a file can't be written.
 */
export function writeGenerated(
  dir: string,
  files: ReadonlyMap<string, string>,
  options: { removeOthers: boolean; keep?: string },
): number {
  let changed = 0
  for (const [path, text] of files) {
    const file = join(dir, path)
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
    writeFileAtOnce(file, text)
    changed += 1
  }
  for (const path of options.removeOthers ? filesBelow(dir) : []) {
    if (files.has(path) || path === options.keep) continue
    rmSync(join(dir, path))
    changed += 1
  }
  return changed
}

/**
 * Writes a file atomically. All users can read it, unlike the lab's state, because Grafana and Prometheus in
 * containers run as other users.
 */
export function writeFileAtOnce(file: string, text: string): void {
  writeFileAtomically(file, text, 0o644)
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length + 1))
}
