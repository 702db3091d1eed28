import { LabError } from '../cli/errors.ts'
import { containerMemory } from '../docker/containers.ts'
import { connect } from '../kube/api-client.ts'
import { countObjects } from '../kube/object-counts.ts'
import { addressesOf } from '../lab/addresses.ts'
import { caPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { query } from '../prometheus/prometheus-client.ts'
import { collectorWatchReady } from '../services/collector.ts'
import { acceptsInside } from '../services/container-services.ts'
import { wantsJaeger } from '../services/jaeger.ts'
import { labServices } from '../services/lab-services.ts'
import { containerServiceNames, labServiceNames, type ServiceName } from '../services/process-services.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { tracesReady } from '../services/trace-simulator.ts'
import { type ProbeTarget, probe } from '../system/probe.ts'
import type { ProcessInfo } from '../system/processes.ts'
import { type Component, componentLog, componentPorts, componentProcesses, components } from './kwok-cluster.ts'

/** One part of a lab as `kwok-status` shows it. */
export interface PartStatus {
  name: string
  process: ProcessInfo | undefined
  /** Why it can't do its work although it lives. */
  trouble: string | undefined
  /** Where it listens, or nothing for a part that does not. */
  address: string
  logFile: string
}

/** How many there are of what. Undefined where the part to ask is down. */
export interface Counts {
  nodes: number | undefined
  /** Pods by phase, and of all how many `kwok-pods` made. */
  podPhases: ReadonlyMap<string, number> | undefined
  labPods: number | undefined
  series: number | undefined
}

/** Every part of the lab: the control plane's components, then the services. */
export async function partStatuses(lab: Lab): Promise<PartStatus[]> {
  const ports = componentPorts(lab)
  const running = await componentProcesses(lab)
  const services = labServices(lab)
  const inside = addressesOf(lab)
  const {
    prometheusPort,
    statsProxyPort,
    metricsServerPort,
    otlpGrpcPort,
    otlpHttpPort,
    jaegerPort,
    jaegerOtlpPort,
    grafanaPort,
  } = lab.settings
  const isDocker = runtimeOf(lab) === 'docker'
  const parts: readonly ServiceName[] = isDocker
    ? [...containerServiceNames, ...(wantsJaeger(lab) ? (['jaeger'] as const) : [])]
    : [...labServiceNames, 'grafana']
  const states = await Promise.all(parts.map(name => services.state(name)))
  const addresses: Record<ServiceName, string> = {
    prometheus: `127.0.0.1:${prometheusPort}`,
    lgtm: `127.0.0.1:${[grafanaPort, prometheusPort, otlpGrpcPort, otlpHttpPort].join(', :')}`,
    'stats-proxy': `127.0.0.1:${statsProxyPort}`,
    'metrics-server': isDocker ? inside.metricsServer : `127.0.0.1:${metricsServerPort}`,
    collector: isDocker ? inside.collectorGrpc : `127.0.0.1:${otlpGrpcPort}, :${otlpHttpPort}`,
    'collector-watch': '',
    jaeger: isDocker ? `127.0.0.1:${jaegerPort}` : `127.0.0.1:${jaegerPort}, :${jaegerOtlpPort}`,
    traces: '',
    page: `127.0.0.1:${grafanaPort}`,
    grafana: `127.0.0.1:${grafanaPort}`,
  }
  const questions = questionsTo(lab, ports)
  const ready: Partial<Record<ServiceName, () => Promise<boolean>>> = {
    'collector-watch': () => collectorWatchReady(lab, services),
    traces: () => tracesReady(lab, services),
  }
  // What is not published is asked for from within, where the stats proxy can.
  const insiders: Partial<Record<ServiceName, string>> =
    isDocker && states.some(({ name, process }) => name === 'stats-proxy' && process !== undefined)
      ? { collector: inside.collectorHttp, 'metrics-server': inside.metricsServer }
      : {}
  const trouble = async (name: Component | ServiceName, process: ProcessInfo | undefined) => {
    if (process === undefined) return undefined
    const question = isDocker && !published.has(name) ? undefined : questions[name]
    if (question !== undefined) return await probe(question)
    const address = insiders[name as ServiceName]
    if (address !== undefined)
      return (await acceptsInside(lab, address)) ? undefined : `${address} accepts no connection`
    return (await ready[name as ServiceName]?.()) === false ? 'it has not listed the cluster yet' : undefined
  }
  const ofComponents = components.map(async name => {
    const process = running.get(name)
    // Most containers of kwokctl publish nothing.
    const address = Number.isNaN(ports[name]) ? inside.component(name) : `127.0.0.1:${ports[name]}`
    return { name, process, trouble: await trouble(name, process), address, logFile: componentLog(lab, name) }
  })
  const ofServices = states
    // One of the two, as GRAFANA says, or none.
    .filter(({ name, isWanted }) => isWanted || (name !== 'page' && name !== 'grafana'))
    .map(async ({ name, process, logFile }) => {
      return { name, process, trouble: await trouble(name, process), address: addresses[name], logFile }
    })
  const all = await Promise.all([...ofComponents, ...ofServices])
  return isDocker ? await withContainerMemory(all) : all
}

/** What whole containers take, as the engine says: LGTM is many processes. */
async function withContainerMemory(parts: readonly PartStatus[]): Promise<PartStatus[]> {
  // The command of a container's process is the container's name.
  const memory = await containerMemory(
    parts.flatMap(({ process }) => (process?.command.includes(' ') === false ? [process.command] : [])),
  )
  return parts.map(part => {
    const residentBytes = memory.get(part.process?.command ?? '')
    return part.process === undefined || residentBytes === undefined
      ? part
      : { ...part, process: { ...part.process, residentBytes } }
  })
}

/** The containers that publish a port to be asked at. */
const published: ReadonlySet<string> = new Set(['kube-apiserver', 'kwok-controller', 'lgtm', 'stats-proxy', 'jaeger'])

/** What each part that listens is asked. */
function questionsTo(
  lab: Lab,
  ports: Readonly<Record<Component, number>>,
): Partial<Record<Component | ServiceName, ProbeTarget>> {
  const { prometheusPort, statsProxyPort, metricsServerPort, otlpHttpPort, jaegerPort, grafanaPort } = lab.settings
  const plain = (port: number, path: string): ProbeTarget => ({ url: `http://127.0.0.1:${port}${path}` })
  const tls = (port: number, path: string) => ({ url: `https://127.0.0.1:${port}${path}`, caFile: caPath(lab) })
  return {
    etcd: plain(ports.etcd, '/health'),
    'kube-apiserver': tls(ports['kube-apiserver'], '/readyz'),
    'kube-controller-manager': tls(ports['kube-controller-manager'], '/healthz'),
    'kube-scheduler': tls(ports['kube-scheduler'], '/healthz'),
    'kwok-controller': plain(ports['kwok-controller'], '/healthz'),
    prometheus: plain(prometheusPort, '/-/ready'),
    lgtm: plain(prometheusPort, '/-/ready'),
    'stats-proxy': plain(statsProxyPort, '/readyz'),
    'metrics-server': tls(metricsServerPort, '/readyz'),
    collector: plain(otlpHttpPort, '/v1/traces'),
    jaeger: plain(jaegerPort, '/api/services'),
    page: plain(grafanaPort, '/healthz'),
    grafana: plain(grafanaPort, '/api/health'),
  }
}

/** The phases of a pod but Running, which most are in. */
const rarePhases = ['Pending', 'Succeeded', 'Failed', 'Unknown'] as const

/** What the cluster and Prometheus hold. Reads no object: of 50,000 pods it would take a minute. */
export async function countAll(lab: Lab): Promise<Counts> {
  const [ofCluster, series] = await Promise.all([
    countCluster(lab).catch((error: unknown) => {
      if (!(error instanceof LabError)) throw error
      return { nodes: undefined, podPhases: undefined, labPods: undefined }
    }),
    query(prometheusUrl(lab), 'prometheus_tsdb_head_series').catch(() => undefined),
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
    // Counted at moments that are not quite the same.
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
