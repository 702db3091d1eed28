import { dockerAnswers } from '../docker/engine.ts'
import { containerServices } from '../services/container-services.ts'
import type { ContainerSpec } from '../services/container-spec.ts'
import { binaryServices, type ServiceName, type ServiceSpec, type Services } from '../services/process-services.ts'
import { type Lab, readRecord, writeRecord } from './lab.ts'

/** How the parts of a lab run. */
export type Runtime = 'docker' | 'binary'

/**
 * A lab's runtime: as it was created, or as it was asked for; with `auto` as an earlier step has decided, else docker where an engine
 * answers.
 */
export function runtimeOf(lab: Lab): Runtime {
  const { runtime } = lab.settings
  if (runtime !== 'auto') return runtime
  return lab.autoRuntime ?? (dockerAnswers() ? 'docker' : 'binary')
}

/**
 * Decides what `RUNTIME=auto` is and records it, so that all steps until the cluster is made take the same. What an earlier run has
 * decided does not count: its engine may have been started or stopped since. Returns the lab with the decision.
 */
export function decideRuntime(lab: Lab): Lab {
  const decided = { ...lab, autoRuntime: undefined }
  return lab.settings.runtime === 'auto' ? { ...lab, autoRuntime: runtimeOf(decided) } : lab
}

/** Records what was decided, for the steps that follow. */
export function recordRuntime(lab: Lab): void {
  const { autoRuntime } = lab
  if (autoRuntime !== undefined) writeRecord(lab, { settings: {}, ...readRecord(lab.dir), autoRuntime })
}

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
