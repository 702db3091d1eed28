import type { ImageName } from '../docker/images.ts'
import { insidePorts } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { type ProgramName, programPath } from '../programs/programs.ts'
import type { PortSetting } from '../system/ports.ts'
import { isOk, probe } from '../system/probe.ts'
import { daemonContainer } from './container-bundle.ts'
import { acceptsInside, probeInside } from './container-services.ts'
import type { ContainerSpec } from './container-spec.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { containerPlace, type Place, processPlace } from './place.ts'
import type { ServiceSpec } from './process-services.ts'
import type { RunsAs } from './service.ts'

type Kind = Place['kind']

/** A service that runs the same way as a process and as a container: a program of the image with its name, or a daemon of the lab. */
type Description = (Program | Daemon) & {
  ports: readonly PortSetting[]
  /** Those that its container publishes on this machine; by default all. */
  published?: readonly PortSetting[]
  isWanted?: (lab: Lab, kind: Kind) => boolean
  /**
   * Whether it answers, and why it can't do its work. A container that publishes none of its ports answers when the first one accepts
   * connections.
   */
  ready: (lab: Lab, kind: Kind) => Promise<boolean>
  probe: (lab: Lab, kind: Kind) => Promise<string | undefined>
  /** What starts it. A daemon has no `contents` but its bundle and kubeconfig. */
  run: (lab: Lab, place: Place) => Run | Promise<Run>
}
interface Program {
  name: ImageName & ProgramName
  main?: undefined
}
interface Daemon {
  name: Parameters<typeof daemonContainer>[1]
  /** Its source file. */
  main: string
  nodeFlags?: readonly string[]
}
type Run = Pick<ContainerSpec, 'args' | 'env' | 'contents' | 'readyTimeoutMs' | 'health' | 'isSupervised'>

/** How both runtimes run a service. */
export function defineService(given: Description) {
  const { name, ports, published = ports } = given
  const hidden = published.length === 0 ? ports[0] : undefined
  const address = (lab: Lab, port: PortSetting) =>
    `${containerName(lab.settings.clusterName, name)}:${insidePorts[port]}`
  return {
    name,
    process: {
      ports,
      isWanted: lab => given.isWanted?.(lab, 'process') ?? true,
      probe: lab => given.probe(lab, 'process'),
      async spec(lab) {
        const { args, contents = '', ...run } = await given.run(lab, processPlace(lab, name))
        const program =
          given.main === undefined
            ? { command: await programPath(given.name), args, contents }
            : await daemonCommand(name, given.main, { nodeFlags: given.nodeFlags ?? [], args })
        return { name, ...run, ...program, ready: () => given.ready(lab, 'process') }
      },
    } satisfies RunsAs<ServiceSpec>,
    container: {
      ports: published,
      ...(hidden === undefined ? {} : { inside: (lab: Lab) => address(lab, hidden) }),
      isWanted: lab => given.isWanted?.(lab, 'container') ?? true,
      probe: lab => (hidden === undefined ? given.probe(lab, 'container') : probeInside(lab, address(lab, hidden))),
      async spec(lab) {
        const place = containerPlace(lab, name)
        const { args, contents = '', ...run } = await given.run(lab, place)
        const program =
          given.main === undefined
            ? { image: given.name, args, contents: place.contents.join('') + contents }
            : await daemonContainer(lab, given.name, given.main, { nodeFlags: given.nodeFlags ?? [], args })
        const ready = () =>
          hidden === undefined ? given.ready(lab, 'container') : acceptsInside(lab, address(lab, hidden))
        return { name, ...run, ...program, mounts: place.mounts, ports: published, ready }
      },
    } satisfies RunsAs<ContainerSpec>,
  } as const
}

/** `ready` and `probe` of a service that answers at a URL of this machine. */
export function answersAt(url: (lab: Lab) => string): Pick<Description, 'ready' | 'probe'> {
  return { ready: lab => isOk(url(lab)), probe: lab => probe({ url: url(lab) }) }
}
