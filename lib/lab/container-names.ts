import { docker } from '../docker/engine.ts'
import type { Lab } from './lab.ts'

/** The label that every container and network of a lab carries, with the cluster's name as its value. */
export const clusterLabel = 'kube-otel-lab.cluster'
/** The label with the folder of the lab: another clone's lab of the same name is another one. */
export const dirLabel = 'kube-otel-lab.dir'
/** The label with the word for the service. */
export const serviceLabel = 'kube-otel-lab.service'
/** The label with a digest of how the container was made: another one means another container. */
export const specLabel = 'kube-otel-lab.spec'

/** The name of a service's container, by which other containers of the lab reach it. */
export function containerName(clusterName: string, service: string): string {
  return `kube-otel-lab-${clusterName}-${service}`
}

/** The name of the container that kwokctl makes of a component of the control plane. */
export function componentContainer(clusterName: string, component: string): string {
  return `kwok-${clusterName}-${component}`
}

/** The network of a lab's containers. kwokctl makes one of this name, or takes the one that is there. */
export function networkName(clusterName: string): string {
  return `kwok-${clusterName}`
}

/** The labels of whatever a lab has at an engine, `name=value` each. */
export function labLabels({ dir, settings }: Lab): [cluster: string, dir: string] {
  return [`${clusterLabel}=${settings.clusterName}`, `${dirLabel}=${dir}`]
}

/** The names of what carries a lab's labels; of containers also those that don't run. */
export async function labelled(lab: Lab, kind: 'container' | 'volume' | 'network'): Promise<string[]> {
  const list = kind === 'container' ? ['ls', '--all', '--format', '{{.Names}}'] : ['ls', '--format', '{{.Name}}']
  const filters = labLabels(lab).flatMap(label => ['--filter', `label=${label}`])
  const { stdout } = await docker([kind, ...list, ...filters])
  return stdout.split('\n').filter(name => name !== '')
}
