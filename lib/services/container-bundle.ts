import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, projectDir } from '../lab/lab.ts'
import { containerDir, writeForContainer } from './container-user.ts'
import { bundle, CLIENT_FILE, daemonBundle, filesBesideBundle } from './daemon-bundle.ts'

/**
 * Writes the bundle of one of the lab's daemons into the folder that its container mounts; it needs only Node.js.
 * Returns the bundle's file name, and the text of all files together.
 *
 * Throws a LabError when a file cannot be written.
 */
export async function bundleProgram(
  lab: Lab,
  service: string,
  main: string,
): Promise<{ file: string; contents: string }> {
  const [program, client] = await Promise.all([daemonBundle(service, main), clientBundle(lab, service)])
  const file = `${service}.mjs`
  const files = { [file]: program, [CLIENT_FILE]: client, ...filesBesideBundle() }
  for (const [name, text] of Object.entries(files)) writeForContainer(lab, service, name, text)
  return { file, contents: Object.values(files).join('') }
}

/** The client library as one file. The existing file is kept while the packages stay the same: its bundle takes longest. */
async function clientBundle(lab: Lab, service: string): Promise<string> {
  const lock = readFileSync(join(projectDir, 'package-lock.json'))
  const header = `// Made of the packages of ${createHash('sha256').update(lock).digest('hex')}\n`
  const path = join(containerDir(lab, service), CLIENT_FILE)
  const existing = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (existing.startsWith(header)) return existing
  const { code } = await bundle(join(projectDir, 'lib', 'services', 'kubernetes-client.js'))
  return `${header}${code}`
}
