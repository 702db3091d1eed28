import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import type { PortSetting } from '../system/ports.ts'
import { containerServices } from './container-services.ts'
import type { ContainerSpec } from './container-spec.ts'
import { processServices, type ServiceSpec, type ServiceState } from './process-services.ts'

/** How a service runs, as a process or as a container. */
export interface RunsAs<Spec> {
  /** How to start it. Writes the files that the service reads. */
  spec: (lab: Lab) => Spec | Promise<Spec>
  /** The settings with its ports on 127.0.0.1 of this machine. */
  ports?: readonly PortSetting[]
  /** `host:port` on the lab's network, of a container that publishes no port. */
  inside?: (lab: Lab) => string
  /** Whether the lab has this service; by default every lab has. */
  isWanted?: (lab: Lab) => boolean
  /** Why a running service can't do its work; undefined when it can. */
  probe: (lab: Lab) => Promise<string | undefined>
}

/** A part of a lab that a task starts beside the control plane. */
export interface Service {
  /** Its name in status, pid files, logs and container labels. */
  name: string
  /** How it runs in the binary runtime. Without it that runtime has no such service. */
  process?: RunsAs<ServiceSpec>
  /** How it runs in the Docker runtime. Without it that runtime has no such service. */
  container?: RunsAs<ContainerSpec>
  /** It runs as a process in the Docker runtime too. */
  isOnMachine?: true
  /** The user chooses whether it runs: status shows it only once it was started. */
  isOptional?: true
}

/** The services of one lab, as processes or as containers. */
export interface LabServices {
  /**
   * Starts the service unless it runs with the same spec, and waits until it answers. Returns whether it was started.
   *
   * Throws a LabError with the end of its log when it ends or does not answer in time.
   */
  ensure(service: Service): Promise<boolean>
  /** Stops the service; returns whether it ran. */
  stop(service: Service): Promise<boolean>
  state(service: Service): Promise<ServiceState>
  /** Sends a signal to a running service; false when it does not run. */
  signal(service: Service, signal: NodeJS.Signals): Promise<boolean>
}

/** How a service runs in a lab. */
export function inRuntime<P, C>(lab: Lab, service: { process: P; container: C }): P | C
export function inRuntime(lab: Lab, service: Service): Service['process' | 'container']
export function inRuntime(
  lab: Lab,
  service: { process?: unknown; container?: unknown; isOnMachine?: true | undefined },
): unknown {
  // The one place that chooses between process and container.
  return service.isOnMachine === true || runtimeOf(lab) === 'binary' ? service.process : service.container
}

/** Whether a lab has a service. */
export function hasService(lab: Lab, service: Service): boolean {
  const runs = inRuntime(lab, service)
  return runs !== undefined && runs.isWanted?.(lab) !== false
}

export function labServices(lab: Lab): LabServices {
  const [processes, containers] = [processServices(lab), containerServices(lab)]
  const runnerOf = (service: Service) => {
    const runs = inRuntime(lab, service)
    if (runs === undefined) return undefined
    return runs === service.container ? containers : processes
  }
  return {
    ensure: async service => {
      const runs = inRuntime(lab, service)
      if (runs === undefined) throw new Error(`the runtime of the lab has no ${service.name}`)
      const spec = await runs.spec(lab)
      return 'image' in spec ? await containers.ensure(spec) : await processes.ensure(spec)
    },
    stop: async service => (await runnerOf(service)?.stop(service.name)) ?? false,
    state: async service =>
      (await runnerOf(service)?.state(service.name)) ?? {
        name: service.name,
        process: undefined,
        isWanted: false,
        logFile: '',
      },
    signal: async (service, signal) => (await runnerOf(service)?.signal(service.name, signal)) ?? false,
  }
}
