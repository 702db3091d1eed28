import { createHash } from 'node:crypto'
import type { ImageName } from '../docker/images.ts'
import { containerName, labLabels, networkName, serviceLabel, specLabel } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { proxyVariables } from '../system/environment.ts'

/** A file or folder of this machine that a container sees. */
export interface Mount {
  from: string
  to: string
  /** Read-only unless this says otherwise. */
  isWritable?: boolean
}

/** How a service is started as a container. */
export interface ContainerSpec {
  name: string
  image: ImageName
  /** The program to run in place of the image's own. */
  entrypoint?: string
  args: readonly string[]
  env?: Readonly<Record<string, string>>
  mounts?: readonly Mount[]
  /** Where it sees a volume of its own, which is there until the lab goes: another container in its place has the same. */
  volumeAt?: string
  /** Ports of 127.0.0.1, each with the container's own. */
  ports?: readonly (readonly [number, number])[]
  /**
   * Runs as the image has it, which is root, on a file system that it can write to. Everything else runs as nobody in
   * particular, without capabilities, on a read-only file system.
   */
  isAsImageHasIt?: boolean
  /** A command for the shell inside that ends with 0 while the service is well. */
  health?: string
  /** What else a running container has to be made anew for: the text of files that it reads once. */
  contents?: string
  /** True once the service answers; asked until it does. */
  ready: () => Promise<boolean>
  /** How long it may take to answer. */
  readyTimeoutMs?: number
}

/** The arguments that make and start a service's container. `user` is `uid:gid`. */
export function runArgs(lab: Lab, spec: ContainerSpec, given: { image: string; user: string }): string[] {
  const { clusterName } = lab.settings
  const args = [
    // Images are there before: `docker run` would pull without a word of what it does.
    ...['--detach', '--pull=never'],
    `--name=${containerName(clusterName, spec.name)}`,
    `--network=${networkName(clusterName)}`,
    ...labLabels(lab).map(label => `--label=${label}`),
    `--label=${serviceLabel}=${spec.name}`,
    // Comes back with the engine, as kwokctl's own do.
    '--restart=unless-stopped',
    // The docker command gives a container the proxies of the user's own configuration, unless told otherwise.
    ...proxyVariables.map(name => `--env=${name}=`),
    ...(spec.ports ?? []).map(([host, own]) => `--publish=127.0.0.1:${host}:${own}`),
    ...(spec.mounts ?? []).map(mountArg),
    ...(spec.volumeAt === undefined
      ? []
      : [`--mount=type=volume,source=${containerName(clusterName, spec.name)},target=${spec.volumeAt}`]),
    ...Object.entries(spec.env ?? {}).map(([name, value]) => `--env=${name}=${value}`),
    ...(spec.isAsImageHasIt === true
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

/** The arguments that make a service's volume, or find it made. */
export function createVolumeArgs(lab: Lab, service: string): string[] {
  const labels = labLabels(lab).map(label => `--label=${label}`)
  return ['volume', 'create', ...labels, containerName(lab.settings.clusterName, service)]
}

/** The digest of the spec that is in the arguments. */
export function specDigest(args: readonly string[]): string {
  const prefix = `--label=${specLabel}=`
  return args.find(arg => arg.startsWith(prefix))?.slice(prefix.length) ?? ''
}

function mountArg({ from, to, isWritable }: Mount): string {
  // A path with a comma would need quoting as in CSV.
  const field = (name: string, value: string) =>
    /[",]/.test(value) ? `"${name}=${value.replaceAll('"', '""')}"` : `${name}=${value}`
  const more = isWritable === true ? [] : ['readonly']
  return `--mount=${['type=bind', field('source', from), field('target', to), ...more].join(',')}`
}
