import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { requireCluster } from './cluster-owner.ts'
import type { Lab } from './lab.ts'

/** The components of a control plane, in the order in which kwokctl starts them. */
export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
] as const
export type Component = (typeof components)[number]

/** The option of kwokctl's configuration with each component's port; `optionOf` gives the others. */
const portOptions = {
  etcd: 'etcdPort',
  'kube-apiserver': 'kubeApiserverPort',
  'kube-controller-manager': 'kubeControllerManagerPort',
  'kube-scheduler': 'kubeSchedulerPort',
  'kwok-controller': 'kwokControllerPort',
} as const satisfies Record<Component, string>

/** The option of kwokctl's configuration with a component's program or image. */
export function optionOf(name: Component, what: 'Binary' | 'Image'): string {
  return portOptions[name].replace('Port', what)
}

/** The program and the image of a component: kwok-controller is the program kwok. */
export function programOf(name: Component) {
  return name === 'kwok-controller' ? 'kwok' : name
}

/**
 * The port of each component on this machine, from kwokctl's record of the cluster; NaN for a container that publishes none.
 *
 * Throws a LabError when there is no cluster.
 */
export function componentPorts(lab: Lab): Record<Component, number> {
  requireCluster(lab)
  const path = join(lab.clusterDir, 'kwok.yaml')
  const first = parseAllDocuments(readFileSync(path, 'utf8'))[0]?.toJS() as { options?: Record<string, unknown> }
  const ports = components.map(name => [name, Number(first.options?.[portOptions[name]])] as const)
  return Object.fromEntries(ports) as Record<Component, number>
}
