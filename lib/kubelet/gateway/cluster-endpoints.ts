import { fields, items, text } from '../../kube/json.ts'
import type { ReflectorEvent } from '../../kube/reflector.ts'

/** An address and a port. */
export interface Destination {
  host: string
  port: number
}

export type EndpointSlice = ReturnType<typeof endpointSlice>
export type ClusterService = ReturnType<typeof clusterService>

const API_SERVER = 'default/kubernetes'

/**
 * The needed fields of an EndpointSlice; `service` is the `<namespace>/<name>` of its Service. Leaves out endpoints on nodes: simulated pods
 * serve nothing.
 */
export function endpointSlice(raw: unknown) {
  const { metadata, ports, endpoints } = fields(raw)
  const { namespace, labels } = fields(metadata)
  return {
    service: `${text(namespace)}/${text(fields(labels)['kubernetes.io/service-name'])}`,
    ports: portsOf(ports),
    addresses: items(endpoints).flatMap(endpoint => {
      const { addresses, nodeName, targetRef, conditions } = fields(endpoint)
      if (text(nodeName) !== undefined || fields(targetRef)['kind'] === 'Pod') return []
      const isReady = fields(conditions)['ready'] !== false
      return items(addresses).flatMap(host => (typeof host === 'string' ? [{ host, isReady }] : []))
    }),
  }
}

/** The needed fields of a Service; `hosts` are its cluster IPs, or its one external name. */
export function clusterService(raw: unknown) {
  const { metadata, spec } = fields(raw)
  const { namespace, name } = fields(metadata)
  const { type, externalName, clusterIPs, ports } = fields(spec)
  const isExternal = type === 'ExternalName'
  const hosts = (isExternal ? [externalName] : items(clusterIPs)).flatMap(host => text(host) ?? [])
  return { service: `${text(namespace)}/${text(name)}`, hosts, isExternal, ports: portsOf(ports) }
}

function portsOf(ports: unknown): { name: string; port: number }[] {
  return items(ports).flatMap(each => {
    const { name, port, protocol = 'TCP' } = fields(each)
    return typeof port === 'number' && protocol === 'TCP' ? [{ name: text(name) ?? '', port }] : []
  })
}

/**
 * What kube-apiserver may reach beside kubelets: endpoints of the cluster that are not on a node, the cluster IPs of their Services, and
 * external names. Never an endpoint of `default/kubernetes`; `addressesBesideApiServer` excludes the API server's other names.
 */
export function createClusterEndpoints() {
  const slices = new Map<string, EndpointSlice>()
  const services = new Map<string, ClusterService>()

  return {
    applySlice: applyTo(slices),
    applyService: applyTo(services),
    /** Where to connect for a requested destination; undefined when it must not be reached. */
    resolve(asked: Destination): Destination | undefined {
      const found = endpointOf(asked) ?? externalOf(asked) ?? clusterIpOf(asked)
      return found === undefined || isApiServer(found) ? undefined : found
    },
  }

  function endpointOf({ host, port }: Destination): Destination | undefined {
    for (const { ports, addresses } of slices.values()) {
      if (ports.some(each => each.port === port) && addresses.some(each => each.host === host)) return { host, port }
    }
    return undefined
  }

  function externalOf({ host, port }: Destination): Destination | undefined {
    for (const { isExternal, hosts, ports } of services.values()) {
      if (isExternal && hosts.includes(host) && ports.some(each => each.port === port)) return { host, port }
    }
    return undefined
  }

  /** A ready endpoint of the Service, by chance, as kube-proxy selects it. */
  function clusterIpOf({ host, port }: Destination): Destination | undefined {
    for (const { service, isExternal, hosts, ports } of services.values()) {
      const asked = ports.find(each => each.port === port)
      if (isExternal || asked === undefined || !hosts.includes(host)) continue
      const ready = [...slices.values()]
        .filter(slice => slice.service === service)
        .flatMap(slice => {
          const target = slice.ports.find(({ name }) => name === asked.name)?.port
          if (target === undefined) return []
          return slice.addresses.flatMap(each => (each.isReady ? [{ host: each.host, port: target }] : []))
        })
      return ready[Math.floor(Math.random() * ready.length)]
    }
    return undefined
  }

  function isApiServer({ host, port }: Destination): boolean {
    return [...slices.values()].some(
      ({ service, ports, addresses }) =>
        service === API_SERVER && ports.some(each => each.port === port) && addresses.some(each => each.host === host),
    )
  }
}

function applyTo<T>(map: Map<string, T>): (event: ReflectorEvent<T>) => void {
  return event => {
    if (event.type === 'set') map.set(event.key, event.object)
    else map.delete(event.key)
  }
}
