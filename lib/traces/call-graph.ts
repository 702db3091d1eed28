import { type PeerVariable, type Protocol, type ServiceFacts, selects, type WorkloadFacts } from './traced-objects.ts'

/** A call of a workload to a port of a Service, configured by an environment variable. */
export interface Call {
  /** `<namespace>/<name>` of the Service. */
  service: string
  serviceName: string
  namespace: string
  port: number
  protocol: Protocol
  variable: string
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
  const byName = new Map<string, ServiceFacts>()
  for (const service of services) byName.set(`${service.namespace}/${service.name}`, service)
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
      const key = `${found.service}:${found.port}`
      if (!calls.has(key)) calls.set(key, found)
      const service = byName.get(found.service)
      if (service !== undefined) called.set(found.service, service)
    }
    callers.set(workloadKey(workload), { workload, calls: [...calls.values()] })
  }
  const roots = [...callers.values()].filter(caller => caller.calls.length > 0 && !isCalled(caller, callers, called))
  if (roots.length === 0 && called.size > 0) {
    const names = [...callers.values()].filter(({ calls }) => calls.length > 0).map(({ workload }) => workload.name)
    problems.push(
      `no requests begin anywhere: ${names.slice(0, 5).join(', ')} call others, and others call all of them`,
    )
  }
  return { callers, services: called, roots, problems }
}

/**
 * The cycles of the graph as `a → b → a` of workload names. Of cycles that share their last calls, only the first.
 */
export function cyclesOf({ callers, services }: CallGraph): string[] {
  const workloadsOf = new Map<string, string[]>()
  for (const [key, service] of services) {
    const keys: string[] = []
    for (const [callerKey, { workload }] of callers) {
      if (workload.namespace === service.namespace && selects(service.selector, workload.labels)) keys.push(callerKey)
    }
    workloadsOf.set(key, keys)
  }
  const cycles: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (key: string): void => {
    const at = path.indexOf(key)
    if (at >= 0) {
      cycles.push([...path.slice(at), key].map(each => callers.get(each)?.workload.name ?? each).join(' → '))
      return
    }
    if (done.has(key)) return
    path.push(key)
    for (const { service } of callers.get(key)?.calls ?? [])
      for (const next of workloadsOf.get(service) ?? []) visit(next)
    path.pop()
    done.add(key)
  }
  for (const { workload } of callers.values()) visit(workloadKey(workload))
  return cycles
}

/** The Service and port of a variable, or why it has none. */
function callOf(
  { name, value }: PeerVariable,
  workload: WorkloadFacts,
  services: ReadonlyMap<string, ServiceFacts>,
): Call | string {
  const [, host = '', portText] =
    /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/:?#@]+)(?::(\d{1,5}))?(?:[/?#].*)?$/i.exec(value) ?? []
  if (host === '') return 'is not a host:port, not used'
  // As in cluster DNS: name, name.namespace, name.namespace.svc and name.namespace.svc.<domain>.
  const [serviceName = '', namespace = workload.namespace, svc] = host.split('.')
  const service = svc === undefined || svc === 'svc' ? services.get(`${namespace}/${serviceName}`) : undefined
  if (service === undefined) return 'names no Service, not used'
  const port = portText === undefined ? service.ports[0]?.port : Number(portText)
  const found = service.ports.find(each => each.port === port)
  if (port === undefined || found === undefined) return `names no port of Service ${namespace}/${serviceName}, not used`
  return {
    service: `${namespace}/${serviceName}`,
    serviceName,
    namespace,
    port,
    protocol: found.protocol,
    variable: name,
  }
}

/** Whether another workload calls a Service that selects this workload's pods. */
function isCalled(
  { workload }: Caller,
  callers: ReadonlyMap<string, Caller>,
  called: ReadonlyMap<string, ServiceFacts>,
): boolean {
  const own = new Set<string>()
  for (const [key, service] of called) {
    if (service.namespace === workload.namespace && selects(service.selector, workload.labels)) own.add(key)
  }
  if (own.size === 0) return false
  for (const other of callers.values()) {
    if (other.workload !== workload && other.calls.some(call => own.has(call.service))) return true
  }
  return false
}
