import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { docker } from '../docker/engine.ts'
import { containerKubeconfigPath, type Reader } from '../lab/kubeconfig.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'

/** For root: the unprivileged user of distroless images. */
const NOBODY = 65_532

/** Where the folder of `containerDir` is mounted. */
export const insideDir = '/etc/kube-otel-lab'

/** The owner of a container's files on this machine: the user; for root an unprivileged one. */
function fileOwner(): { uid: number; gid: number } {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid }
}

/**
 * The user of a container that reads those files, `uid:gid`. In a rootless engine that is root inside the container.
 */
export async function containerUser(): Promise<string> {
  const { stdout } = await docker(['info', '--format', '{{json .SecurityOptions}}'])
  const { uid, gid } = fileOwner()
  return stdout.includes('rootless') && uid === process.getuid?.() ? '0:0' : `${uid}:${gid}`
}

/** The folder that is mounted in the container of a service. Creates it, mode 0700. */
export function containerDir(lab: Lab, service: string): string {
  const dir = join(lab.dir, 'containers', service)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  for (const path of [join(lab.dir, 'containers'), dir]) chmodSync(path, 0o700)
  giveToContainers(dir)
  return dir
}

/**
 * Writes a file of `containerDir` in one step, mode 0600, unless it has this text. Returns its path.
 */
export function writeForContainer(lab: Lab, service: string, file: string, text: string): string {
  const path = join(containerDir(lab, service), file)
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return path
  writeFileAtomically(path, text)
  giveToContainers(path)
  return path
}

/** Copies a file for the container of a service; gives its path there. */
export function copyForContainer(lab: Lab, service: string, from: string, name = basename(from)): string {
  writeForContainer(lab, service, name, readFileSync(from, 'utf8'))
  return `${insideDir}/${name}`
}

/** Writes a reader's kubeconfig into the folder of a service's container; returns its text. */
export function writeContainerKubeconfig(lab: Lab, reader: Reader, service: string = reader): string {
  const kubeconfig = readFileSync(containerKubeconfigPath(lab, reader), 'utf8')
  writeForContainer(lab, service, 'kubeconfig.yaml', kubeconfig)
  return kubeconfig
}

/** Changes the owner of a file or folder to the user of containers. Only root has to, and can. */
export function giveToContainers(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = fileOwner()
  chownSync(path, uid, gid)
}
