import { type PeerVariable, type Protocol, type ServiceFacts, selects, type WorkloadFacts } from './traced-objects.ts'

/** A call of a workload to a port of a Service, configured by an environment variable. */
export interface Call {
  /** `<namespace>/<name>` of the Service. */
  service: string
  serviceName: string
  port: number
  protocol: Protocol
}

/** A workload and its calls. */
export interface Caller {
  workload: WorkloadFacts
  calls: readonly Call[]
}

/** Workloads, Services and the calls between them. */
export interface CallGraph {
  /** Every workload, by `<kind>/<namespace>/<name>`. */
  callers: ReadonlyMap<string, Caller>
  /** The Services that workloads call, by `<namespace>/<name>`. */
  services: ReadonlyMap<string, ServiceFacts>
  /** Workloads that call others and are not called: load generators. */
  roots: readonly Caller[]
  /** Invalid variables and missing load generators, one line each. */
  problems: readonly string[]
}

/** The key of a workload. */
export function workloadKey({ kind, namespace, name }: { kind: string; namespace: string; name: string }): string {
  return `${kind}/${namespace}/${name}`
}

/**
 * Derives the graph from the workloads' `*_ADDR` variables (`host:port`, where the host is a Service). A variable without a
 * matching Service is a problem. Two variables with the same target are one call.
 */
export function callGraph(workloads: Iterable<WorkloadFacts>, services: Iterable<ServiceFacts>): CallGraph {
  const byName = new Map(Array.from(services, service => [`${service.namespace}/${service.name}`, service]))
  const callers = new Map<string, Caller>()
  const called = new Map<string, ServiceFacts>()
  const problems: string[] = []
  for (const workload of workloads) {
    const calls = new Map<string, Call>()
    for (const peer of workload.peers) {
      const found = callOf(peer, workload, byName)
      if (typeof found === 'string') {
        problems.push(`${workload.kind} ${workload.namespace}/${workload.name}: ${peer.name}=${peer.value} ${found}`)
        continue
      }
      calls.set(`${found.call.service}:${found.call.port}`, found.call)
      called.set(found.call.service, found.service)
    }
    callers.set(workloadKey(workload), { workload, calls: [...calls.values()] })
  }
  const calling = [...callers.values()].filter(({ calls }) => calls.length > 0)
  const roots = calling.filter(({ workload }) => {
    const own = [...called].filter(([, service]) => selects(service, workload)).map(([key]) => key)
    const others = own.length === 0 ? [] : calling.filter(other => other.workload !== workload)
    return !others.some(({ calls }) => calls.some(({ service }) => own.includes(service)))
  })
  if (roots.length === 0 && called.size > 0) {
    const names = calling.slice(0, 5).map(({ workload }) => workload.name)
    problems.push(`no requests begin anywhere: ${names.join(', ')} call others, and others call all of them`)
  }
  return { callers, services: called, roots, problems }
}

/** The call that a variable configures, or why it configures none. */
function callOf(
  { value }: PeerVariable,
  workload: WorkloadFacts,
  services: ReadonlyMap<string, ServiceFacts>,
): { call: Call; service: ServiceFacts } | string {
  const [, host = '', portText] =
    /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/:?#@]+)(?::(\d{1,5}))?(?:[/?#].*)?$/i.exec(value) ?? []
  if (host === '') return 'is not a host:port, not used'
  // As in cluster DNS: name, name.namespace, name.namespace.svc and name.namespace.svc.<domain>.
  const [serviceName = '', namespace = workload.namespace, svc] = host.split('.')
  const key = `${namespace}/${serviceName}`
  const service = svc === undefined || svc === 'svc' ? services.get(key) : undefined
  if (service === undefined) return 'names no Service, not used'
  const port = portText === undefined ? service.ports[0]?.port : Number(portText)
  const found = service.ports.find(each => each.port === port)
  if (found === undefined) return `names no port of Service ${key}, not used`
  return { call: { service: key, serviceName, ...found }, service }
}
