import { createHash } from 'node:crypto'
import type { ImageName } from '../docker/images.ts'
import { insidePorts } from '../lab/addresses.ts'
import { containerName, labLabels, networkName, serviceLabel, specLabel } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { proxyVariables } from '../system/environment.ts'
import type { PortSetting } from '../system/ports.ts'
import type { ServiceSpec } from './process-services.ts'

/** A file or folder of this machine that is mounted in a container. */
export interface Mount {
  from: string
  to: string
  /** Read-only unless this says otherwise. */
  isWritable?: boolean
}

/** How a service is started as a container. A change of `contents` replaces the container. */
export interface ContainerSpec extends Omit<ServiceSpec, 'command' | 'runsTools'> {
  image: ImageName
  /** Replaces the image's entrypoint. */
  entrypoint?: string
  mounts?: readonly Mount[]
  /** Where its volume is mounted. The volume stays until kwok-down: a new container of the service has the same one. */
  volumeAt?: string
  /** The settings with the ports of 127.0.0.1 that it publishes. */
  ports?: readonly PortSetting[]
  /**
   * Runs as the image's user, which is root, on a writable file system. Other services run as an unprivileged user, without
   * capabilities, on a read-only file system.
   */
  keepsImageUser?: boolean
  /** The health check: a shell command in the container. */
  health?: string
}

/** The arguments of docker that create and start a service's container. `user` is `uid:gid`. */
export function runArgs(lab: Lab, spec: ContainerSpec, given: { image: string; user: string }): string[] {
  const { clusterName } = lab.settings
  const args = [
    // Images are pulled by `ensureImages`, which shows the progress.
    '--detach',
    '--pull=never',
    `--name=${containerName(clusterName, spec.name)}`,
    `--network=${networkName(clusterName)}`,
    ...labLabels(lab).map(label => `--label=${label}`),
    `--label=${serviceLabel}=${spec.name}`,
    // It starts with the engine, as kwokctl's own containers do.
    '--restart=unless-stopped',
    // Without these the docker command adds the proxies of the user's configuration.
    ...proxyVariables.filter(name => spec.env?.[name] === undefined).map(name => `--env=${name}=`),
    ...(spec.ports ?? []).map(port => `--publish=127.0.0.1:${lab.settings[port]}:${insidePorts[port]}`),
    ...(spec.mounts ?? []).map(mountArg),
    ...(spec.volumeAt === undefined
      ? []
      : [`--mount=type=volume,source=${containerName(clusterName, spec.name)},target=${spec.volumeAt}`]),
    ...Object.entries(spec.env ?? {}).map(([name, value]) => `--env=${name}=${value}`),
    ...(spec.keepsImageUser === true
      ? []
      : [`--user=${given.user}`, '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']),
    ...(spec.entrypoint === undefined ? [] : [`--entrypoint=${spec.entrypoint}`]),
    ...(spec.health === undefined
      ? []
      : [`--health-cmd=${spec.health}`, '--health-interval=30s', '--health-timeout=5s', '--health-retries=3']),
  ]
  const tail = [given.image, ...spec.args]
  const digest = createHash('sha256')
    .update(JSON.stringify([args, tail, spec.contents ?? '']))
    .digest('hex')
  return ['run', ...args, `--label=${specLabel}=${digest}`, ...tail]
}

/** The arguments of docker that create a service's volume unless it exists. */
export function createVolumeArgs(lab: Lab, service: string): string[] {
  const labels = labLabels(lab).map(label => `--label=${label}`)
  return ['volume', 'create', ...labels, containerName(lab.settings.clusterName, service)]
}

/** The digest of the spec in the arguments of `runArgs`. */
export function specDigest(args: readonly string[]): string {
  const prefix = `--label=${specLabel}=`
  return args.find(arg => arg.startsWith(prefix))?.slice(prefix.length) ?? ''
}

function mountArg({ from, to, isWritable }: Mount): string {
  // The option is CSV: a path with a comma is quoted.
  const field = (name: string, value: string) =>
    /[",]/.test(value) ? `"${name}=${value.replaceAll('"', '""')}"` : `${name}=${value}`
  const more = isWritable === true ? [] : ['readonly']
  return `--mount=${['type=bind', field('source', from), field('target', to), ...more].join(',')}`
}
