import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { insidePorts } from '../lab/addresses.ts'
import { kubeconfigPath, type Reader } from '../lab/kubeconfig.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { ensureSocketDir } from '../lab/socket-dir.ts'
import type { PortSetting } from '../system/ports.ts'
import type { Mount } from './container-spec.ts'
import {
  containerDir,
  copyForContainer,
  giveToContainers,
  insideDir,
  writeContainerKubeconfig,
  writeForContainer,
} from './container-user.ts'

/** Where a service runs, with the addresses and paths that it sees there. Asking for a path makes the file or folder available. */
export interface Place {
  kind: 'process' | 'container'
  /** The address on which it listens. */
  host: string
  port: (setting: PortSetting) => number
  kubeconfig: (reader: Reader) => string
  /** A file of this machine, which a container has under `name`. */
  file: (path: string, name?: string) => string
  /** A new file with this text. */
  write: (name: string, text: string) => string
  /** The folder of the service's data, which a container has at `inside`. */
  data: (inside: string) => string
  sockets: () => ReturnType<typeof ensureSocketDir>
  /** Of a container: the texts whose change replaces it, and its mounts. */
  contents: string[]
  mounts: Mount[]
}

/** The place of a process of this machine. */
export function processPlace(lab: Lab, service: string): Place {
  return {
    kind: 'process',
    host: '127.0.0.1',
    port: setting => lab.settings[setting],
    kubeconfig: reader => kubeconfigPath(lab, reader),
    file: path => path,
    write(name, text) {
      writeFileAtomically(join(lab.configDir, name), text)
      return join(lab.configDir, name)
    },
    data: () => join(lab.dataDir, service),
    sockets: () => ensureSocketDir(lab),
    contents: [],
    mounts: [],
  }
}

/** The place of a container. */
export function containerPlace(lab: Lab, service: string): Place {
  const contents: string[] = []
  const mounts: Mount[] = [{ from: containerDir(lab, service), to: insideDir }]
  const mountWritable = (from: string, to: string) => {
    giveToContainers(from)
    mounts.push({ from, to, isWritable: true })
  }
  return {
    kind: 'container',
    host: '0.0.0.0',
    port: setting => insidePorts[setting],
    kubeconfig(reader) {
      contents.push(writeContainerKubeconfig(lab, reader, service))
      return `${insideDir}/kubeconfig.yaml`
    },
    file: (path, name) => copyForContainer(lab, service, path, name),
    write(name, text) {
      writeForContainer(lab, service, name, text)
      return `${insideDir}/${name}`
    },
    data(to) {
      const from = join(lab.dataDir, service)
      mkdirSync(from, { recursive: true, mode: 0o700 })
      mountWritable(from, to)
      return to
    },
    sockets() {
      const sockets = ensureSocketDir(lab)
      mountWritable(sockets.dir, sockets.insideDir)
      return sockets
    },
    contents,
    mounts,
  }
}
