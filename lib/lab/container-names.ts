import { docker } from '../docker/engine.ts'
import type { Lab } from './lab.ts'

/** The label that every container and network of a lab carries, with the cluster's name as its value. */
export const clusterLabel = 'kube-otel-lab.cluster'
/** The label with the lab's folder, which tells it from a lab of the same name in another clone. */
export const dirLabel = 'kube-otel-lab.dir'
/** The label with the name of the service. */
export const serviceLabel = 'kube-otel-lab.service'
/** The label with the digest of a container's arguments; another digest requires a new container. */
export const specLabel = 'kube-otel-lab.spec'

/** The name of a service's container, which is also its host name on the lab's network. */
export function containerName(clusterName: string, service: string): string {
  return `kube-otel-lab-${clusterName}-${service}`
}

/** The name that kwokctl gives to the container of a component. */
export function componentContainer(clusterName: string, component: string): string {
  return `kwok-${clusterName}-${component}`
}

/** The network of a lab's containers. kwokctl creates a network of this name unless it exists. */
export function networkName(clusterName: string): string {
  return `kwok-${clusterName}`
}

/** The labels of all that a lab creates at an engine, `name=value` each. */
export function labLabels({ dir, settings }: Lab): [cluster: string, dir: string] {
  return [`${clusterLabel}=${settings.clusterName}`, `${dirLabel}=${dir}`]
}

/** The names of the containers, volumes or networks with a lab's labels; of containers also those that do not run. */
export async function labelled(lab: Lab, kind: 'container' | 'volume' | 'network'): Promise<string[]> {
  const list = kind === 'container' ? ['ls', '--all', '--format', '{{.Names}}'] : ['ls', '--format', '{{.Name}}']
  const filters = labLabels(lab).flatMap(label => ['--filter', `label=${label}`])
  const { stdout } = await docker([kind, ...list, ...filters])
  return stdout.split('\n').filter(name => name !== '')
}
