import type { Component } from '../lab/components.ts'
import type { Lab } from '../lab/lab.ts'
import type { Runtime } from '../lab/runtime.ts'
import type { ProcessInfo } from '../system/processes.ts'
import type { PortOption } from './component-ports.ts'
import type { ComponentPatch } from './control-plane-tracing.ts'

/** What one runtime adds to a KwokctlConfiguration. */
export interface KwokctlInput {
  /** The folder of the cluster's certificates, as the components see it. */
  pki: string
  options: Readonly<Record<string, string | number>>
  patches?: readonly ComponentPatch[]
}

/** How the control plane runs in one runtime. */
export interface ControlPlane {
  runtime: Runtime
  /** Whether the components are processes of this machine, which the lab can signal and which reach its loopback addresses. */
  runsHere: boolean
  /** The environment of kwokctl. */
  environment: (lab: Lab, env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv
  kwokctlInput: (
    lab: Lab,
    given: {
      ports: Readonly<Record<PortOption, number>>
      /** Files that kube-apiserver reads, at `configPath`. */
      configFiles: readonly string[]
    },
  ) => Promise<KwokctlInput>
  /** Where kube-apiserver sees a file of its configuration. */
  configPath: (file: string) => string
  /** Refuses what another lab or program has created under the names of this one. */
  requireOwn: (lab: Lab) => Promise<unknown>
  /** Comes before kwokctl creates a cluster. */
  beforeCreate: (lab: Lab) => Promise<void>
  /** Comes before kwokctl starts a cluster. */
  beforeStart: (lab: Lab) => Promise<void>
  /** Ends the processes or removes the containers; a cluster that is not there is fine. */
  remove: (lab: Lab) => Promise<void>
  /** The process of each component that runs and is this cluster's; of a container its first. */
  processes: (lab: Lab) => Promise<Map<string, ProcessInfo>>
  /** When a component was last started (epoch); undefined when it does not run. */
  startMs: (lab: Lab, component: Component) => Promise<number | undefined>
  /** The log of a component: a file, or the command that shows it. */
  log: (lab: Lab, component: string) => string
  /** The last lines of a component's log, indented. */
  logEnd: (lab: Lab, component: Component) => Promise<string>
  /** What a component writes to its log from now on: the function gives all of it so far. */
  followLog: (lab: Lab, component: Component) => () => Promise<string>
  /** The memory of whole containers, by name, in bytes; empty where there are none. */
  memory: (containers: readonly string[]) => Promise<ReadonlyMap<string, number>>
}
