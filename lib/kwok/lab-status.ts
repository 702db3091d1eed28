import { LabError } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import { countObjects } from '../kube/object-counts.ts'
import { addressesOf } from '../lab/addresses.ts'
import { type Component, componentPorts, components } from '../lab/components.ts'
import { caPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { createPrometheusApi } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { hasService, inRuntime, labServices } from '../services/service.ts'
import { services } from '../services/service-list.ts'
import { type ProbeTarget, probe } from '../system/probe.ts'
import type { ProcessInfo } from '../system/processes.ts'
import { controlPlaneOf } from './kwok-cluster.ts'

/** One part of a lab as `kwok-status` shows it. */
export interface PartStatus {
  name: string
  process: ProcessInfo | undefined
  /** Why its health check fails; undefined when it does not run, too. */
  trouble: string | undefined
  /** Where it listens; empty for a part that does not listen. */
  address: string
  logFile: string
}

/** Numbers of objects. Undefined where the part that has them is down. */
export interface Counts {
  nodes: number | undefined
  /** Pods by phase, and how many of them `kwok-pods` created. */
  podPhases: ReadonlyMap<string, number> | undefined
  labPods: number | undefined
  series: number | undefined
}

/** Every part of the lab: the control plane's components, then the services. */
export async function partStatuses(lab: Lab): Promise<PartStatus[]> {
  const parts = await Promise.all([componentStatuses(lab), serviceStatuses(lab)])
  return await withContainerMemory(lab, parts.flat())
}

async function componentStatuses(lab: Lab): Promise<PartStatus[]> {
  const controlPlane = controlPlaneOf(lab)
  const ports = componentPorts(lab)
  const running = await controlPlane.processes(lab)
  return await Promise.all(
    components.map(async name => {
      const process = running.get(name)
      // Most containers of kwokctl publish no port.
      const isPublished = !Number.isNaN(ports[name])
      const trouble =
        process !== undefined && isPublished ? await probe(componentProbe(lab, name, ports[name])) : undefined
      const address = isPublished ? `127.0.0.1:${ports[name]}` : addressesOf(lab).component(name)
      return { name, process, trouble, address, logFile: controlPlane.log(lab, name) }
    }),
  )
}

async function serviceStatuses(lab: Lab): Promise<PartStatus[]> {
  const statuses = services.map(async service => {
    const runs = inRuntime(lab, service)
    if (runs === undefined) return []
    const { process, isWanted, logFile } = await labServices(lab).state(service)
    if (!isWanted && (service.isOptional === true || !hasService(lab, service))) return []
    const trouble = process === undefined ? undefined : await runs.probe(lab)
    const ports = (runs.ports ?? []).map(port => lab.settings[port])
    const address = ports.length > 0 ? `127.0.0.1:${ports.join(',:')}` : (runs.inside?.(lab) ?? '')
    return [{ name: service.name, process, trouble, address, logFile }]
  })
  return (await Promise.all(statuses)).flat()
}

/** With the memory of whole containers: LGTM is many processes. */
async function withContainerMemory(lab: Lab, parts: readonly PartStatus[]): Promise<PartStatus[]> {
  // The command of a container's process is the container's name.
  const names = parts.flatMap(({ process }) => (process?.command.includes(' ') === false ? [process.command] : []))
  const memory = await controlPlaneOf(lab).memory(names)
  return parts.map(part => {
    const residentBytes = memory.get(part.process?.command ?? '')
    return part.process === undefined || residentBytes === undefined
      ? part
      : { ...part, process: { ...part.process, residentBytes } }
  })
}

/** The health endpoint of a component, at its port on this machine. */
function componentProbe(lab: Lab, component: Component, port: number): ProbeTarget {
  const plain = (path: string): ProbeTarget => ({ url: `http://127.0.0.1:${port}${path}` })
  const tls = (path: string): ProbeTarget => ({ url: `https://127.0.0.1:${port}${path}`, caFile: caPath(lab) })
  return {
    etcd: plain('/health'),
    'kube-apiserver': tls('/readyz'),
    'kube-controller-manager': tls('/healthz'),
    'kube-scheduler': tls('/healthz'),
    'kwok-controller': plain('/healthz'),
  }[component]
}

/** A status has to come soon, also when Prometheus hangs. On a busy machine it needs seconds. */
const SERIES_TIMEOUT_MS = 8_000

/** The phases of a pod except Running, which most have. */
const rarePhases = ['Pending', 'Succeeded', 'Failed', 'Unknown'] as const

/** The numbers of objects in the cluster and of series in Prometheus. Lists no objects: 50,000 pods would take a minute. */
export async function countAll(lab: Lab): Promise<Counts> {
  const prometheus = createPrometheusApi(prometheusUrl(lab), {
    timeoutMs: SERIES_TIMEOUT_MS,
    signal: AbortSignal.timeout(SERIES_TIMEOUT_MS),
    next: 'make kwok-status',
  })
  const [ofCluster, series] = await Promise.all([
    countCluster(lab).catch((error: unknown) => {
      if (!(error instanceof LabError)) throw error
      return { nodes: undefined, podPhases: undefined, labPods: undefined }
    }),
    prometheus.instant('prometheus_tsdb_head_series').catch(() => undefined),
  ])
  return { ...ofCluster, series: series?.[0]?.value }
}

async function countCluster(lab: Lab): Promise<Omit<Counts, 'series'>> {
  const client = await connect({ kubeconfig: lab.adminKubeconfig || undefined, context: lab.context })
  const pods = async (selector?: Parameters<typeof countObjects>[2]) =>
    await countObjects(client, '/api/v1/pods', selector)
  try {
    const [nodes, all, others, ...rare] = await Promise.all([
      countObjects(client, '/api/v1/nodes'),
      pods(),
      pods({ labelSelector: managedBy.replace('=', '!=') }),
      ...rarePhases.map(phase => pods({ fieldSelector: `status.phase=${phase}` })),
    ])
    // The counts are not of the same moment.
    const running = Math.max(0, all - rare.reduce((sum, count) => sum + count, 0))
    const phases = [['Running', running] as const, ...rarePhases.map((phase, at) => [phase, rare[at] ?? 0] as const)]
    return {
      nodes,
      podPhases: new Map(phases.filter(([, count]) => count > 0)),
      labPods: Math.max(0, all - others),
    }
  } finally {
    client.close()
  }
}
