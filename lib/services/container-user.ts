import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker } from '../docker/engine.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'

/** For a person who is root: nobody in particular, as images of distroless have it. */
const NOBODY = 65_532

/** Where containers see the folder of `containerDir`. */
export const insideDir = '/etc/kube-otel-lab'

/** The user and group that files for a container belong to on this machine: the person's own, nobody's when that is root. */
export function fileOwner(): { uid: number; gid: number } {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid }
}

/**
 * `uid:gid` that a container has to run as to read those files. In an engine without root the person is root inside, and nobody
 * else is.
 */
export async function containerUser(): Promise<string> {
  const { stdout } = await docker(['info', '--format', '{{json .SecurityOptions}}'])
  const { uid, gid } = fileOwner()
  return stdout.includes('rootless') && uid === process.getuid?.() ? '0:0' : `${uid}:${gid}`
}

/** The folder of a lab that the container of a service sees, readable by its owner alone. Makes it. */
export function containerDir(lab: Lab, service: string): string {
  const dir = join(lab.dir, 'containers', service)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  for (const path of [join(lab.dir, 'containers'), dir]) chmodSync(path, 0o700)
  giveToContainers(dir)
  return dir
}

/**
 * Makes a file of the folder that the container of a service sees hold a text; whole, mode 0600. One that does is left alone.
 * Returns its path.
 */
export function writeForContainer(lab: Lab, service: string, file: string, text: string): string {
  const path = join(containerDir(lab, service), file)
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return path
  writeFileAtomically(path, text)
  giveToContainers(path)
  return path
}

/** Makes a file or folder belong to the user that containers run as; which only root has to, and can. */
export function giveToContainers(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = fileOwner()
  chownSync(path, uid, gid)
}
