import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, messageOf } from '../cli/errors.ts'
import type { Lab } from './lab.ts'
import { runtimeOf } from './runtime.ts'

/** Where containers see the folder. */
const INSIDE_DIR = '/run/kube-otel-lab'

/**
 * The Unix sockets of a lab: their folder on this machine, and as the lab's processes or containers see it; where the gateway answers
 * kube-apiserver, and where the stats proxy answers the gateway. Their paths have less than 107 bytes in any clone.
 */
export function labSockets(lab: Lab) {
  // A clone's path can be longer than that of a socket. Containers see any folder at a short path, and after a reboot they need it before
  // `make kwok` runs.
  const isLocal = runtimeOf(lab) === 'binary'
  // Not TMPDIR or XDG_RUNTIME_DIR: they can differ between two shells, and the latter ends with the session.
  const digest = createHash('sha256').update(lab.dir).digest('hex').slice(0, 16)
  const dir = isLocal ? join('/tmp', `kube-otel-lab-${digest}`) : join(lab.dataDir, 'sockets')
  const insideDir = isLocal ? dir : INSIDE_DIR
  return {
    dir,
    insideDir,
    apiServer: join(insideDir, 'apiserver.sock'),
    kubelets: join(insideDir, 'kubelets.sock'),
  }
}

/** Creates the folder of the sockets, mode 0700. Throws a LabError when that is not possible, or when another user has created it. */
export function ensureSocketDir(lab: Lab): ReturnType<typeof labSockets> {
  const sockets = labSockets(lab)
  try {
    mkdirSync(sockets.dir, { recursive: true, mode: 0o700 })
    if (!lstatSync(sockets.dir).isDirectory()) throw new Error('it is not a folder')
    // Fails for a folder of another user.
    chmodSync(sockets.dir, 0o700)
    return sockets
  } catch (error) {
    throw new LabError(`Cannot use ${sockets.dir} for the sockets of the kubelets`, {
      why: messageOf(error),
      next: 'make /tmp writable, or remove that folder',
      cause: error,
    })
  }
}

export function removeSocketDir(lab: Lab): void {
  rmSync(labSockets(lab).dir, { recursive: true, force: true })
}
