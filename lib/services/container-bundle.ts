import type { Lab } from '../lab/lab.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, insideDir, writeContainerKubeconfig, writeForContainer } from './container-user.ts'
import { type DaemonOptions, daemonBundle } from './daemon-bundle.ts'

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
  const [file, program] = [`${service}.mjs`, await daemonBundle(service, main)]
  writeForContainer(lab, service, file, program)
  return {
    image: 'node',
    entrypoint: 'node',
    args: [...nodeFlags, `${insideDir}/${file}`, ...args],
    mounts: [{ from: containerDir(lab, service), to: insideDir }],
    contents: `${program}${writeContainerKubeconfig(lab, service)}`,
  } satisfies Partial<ContainerSpec>
}
