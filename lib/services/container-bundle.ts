import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, projectDir } from '../lab/lab.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, insideDir, writeContainerKubeconfig, writeForContainer } from './container-user.ts'
import {
  bundle,
  CLIENT_FILE,
  CLIENT_SOURCE,
  type DaemonOptions,
  daemonBundle,
  filesBesideBundle,
} from './daemon-bundle.ts'

/**
 * How one of the lab's daemons runs in a container: writes its bundle, which needs only Node.js, and its kubeconfig into the folder that the
 * container mounts.
 *
 * Throws a LabError when a file cannot be written.
 */
export async function daemonContainer(
  lab: Lab,
  service: 'kubelet-gateway' | 'stats-proxy' | 'traces',
  main: string,
  { nodeFlags = [], args }: DaemonOptions,
) {
  const [program, client] = await Promise.all([daemonBundle(service, main), clientBundle(lab, service)])
  const file = `${service}.mjs`
  const files = { [file]: program, [CLIENT_FILE]: client, ...filesBesideBundle() }
  for (const [name, text] of Object.entries(files)) writeForContainer(lab, service, name, text)
  return {
    image: 'node',
    entrypoint: 'node',
    args: [...nodeFlags, `${insideDir}/${file}`, ...args],
    mounts: [{ from: containerDir(lab, service), to: insideDir }],
    contents: [...Object.values(files), writeContainerKubeconfig(lab, service)].join(''),
  } satisfies Partial<ContainerSpec>
}

/** The client library as one file. The existing file is kept while the packages stay the same: its bundle takes longest. */
async function clientBundle(lab: Lab, service: string): Promise<string> {
  const lock = readFileSync(join(projectDir, 'package-lock.json'))
  const header = `// Made of the packages of ${createHash('sha256').update(lock).digest('hex')}\n`
  const path = join(containerDir(lab, service), CLIENT_FILE)
  const existing = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (existing.startsWith(header)) return existing
  const { code } = await bundle(join(projectDir, CLIENT_SOURCE))
  return `${header}${code}`
}
