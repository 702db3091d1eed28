import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { containerServices } from './container-services.ts'
import type { ContainerSpec } from './container-spec.ts'
import { binaryServices, type ServiceName, type ServiceSpec, type Services } from './process-services.ts'

/** The services of a lab: each a process or a container, as its spec says and its runtime has it. */
export function labServices(lab: Lab): Services<ServiceSpec | ContainerSpec> {
  const processes = binaryServices(lab)
  if (runtimeOf(lab) === 'binary') {
    return { ...processes, ensure: async spec => await processes.ensure(asProcess(spec)) }
  }
  const containers = containerServices(lab)
  const isProcess = (name: ServiceName) => machineServices.has(name)
  return {
    ensure: async spec => ('image' in spec ? await containers.ensure(spec) : await processes.ensure(spec)),
    stop: async name => await (isProcess(name) ? processes : containers).stop(name),
    state: async name => await (isProcess(name) ? processes : containers).state(name),
    signal: async (name, signal) => await (isProcess(name) ? processes : containers).signal(name, signal),
  }
}

/** What runs on the machine itself in either runtime: it works on the lab's files, or on all of the user's. */
const machineServices: ReadonlySet<ServiceName> = new Set(['collector-watch', 'page', 'grafana'])

function asProcess(spec: ServiceSpec | ContainerSpec): ServiceSpec {
  if ('image' in spec) throw new Error(`${spec.name} is a container, in a lab of the binary runtime`)
  return spec
}
