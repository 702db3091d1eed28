import { collectorWatchService } from './collector/collector.ts'
import { type Question, troubleOf } from './health.ts'
import { caPath } from './kubeconfig.ts'
import { kubectl } from './kubectl.ts'
import { type Component, componentLog, componentPorts, componentProcesses, components } from './kwokctl.ts'
import type { Lab } from './lab.ts'
import { managedBy } from './manifest.ts'
import type { ProcessInfo } from './processes.ts'
import { prometheusUrl, query } from './prometheus.ts'
import { binaryServices, type ServiceName, serviceNames } from './services.ts'
import { tracesService } from './traces/service.ts'

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
  const services = binaryServices(lab)
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
  const states = await Promise.all(serviceNames.map(name => services.state(name)))
  const addresses: Record<ServiceName, string> = {
    prometheus: `127.0.0.1:${prometheusPort}`,
    'stats-proxy': `127.0.0.1:${statsProxyPort}`,
    'metrics-server': `127.0.0.1:${metricsServerPort}`,
    collector: `127.0.0.1:${otlpGrpcPort}, :${otlpHttpPort}`,
    'collector-watch': '',
    jaeger: `127.0.0.1:${jaegerPort}, :${jaegerOtlpPort}`,
    traces: '',
    page: `127.0.0.1:${grafanaPort}`,
    grafana: `127.0.0.1:${grafanaPort}`,
  }
  const questions = questionsTo(lab, ports)
  const ready: Partial<Record<ServiceName, () => Promise<boolean>>> = {
    'collector-watch': collectorWatchService(lab, services).ready,
    traces: tracesService(lab, services).ready,
  }
  const trouble = async (name: Component | ServiceName, process: ProcessInfo | undefined) => {
    if (process === undefined) return undefined
    const question = questions[name]
    if (question !== undefined) return await troubleOf(question)
    return (await ready[name as ServiceName]?.()) === false ? 'it has not listed the cluster yet' : undefined
  }
  const ofComponents = components.map(async name => {
    const process = running.get(name)
    const address = `127.0.0.1:${ports[name]}`
    return { name, process, trouble: await trouble(name, process), address, logFile: componentLog(lab, name) }
  })
  const ofServices = states
    // One of the two, as GRAFANA says, or none.
    .filter(({ name, isWanted }) => isWanted || (name !== 'page' && name !== 'grafana'))
    .map(async ({ name, process, logFile }) => {
      return { name, process, trouble: await trouble(name, process), address: addresses[name], logFile }
    })
  return await Promise.all([...ofComponents, ...ofServices])
}

/** What each part that listens is asked. */
function questionsTo(
  lab: Lab,
  ports: Readonly<Record<Component, number>>,
): Partial<Record<Component | ServiceName, Question>> {
  const { prometheusPort, statsProxyPort, metricsServerPort, otlpHttpPort, jaegerPort, grafanaPort } = lab.settings
  const plain = (port: number, path: string): Question => ({ url: `http://127.0.0.1:${port}${path}` })
  const tls = (port: number, path: string) => ({ url: `https://127.0.0.1:${port}${path}`, caFile: caPath(lab) })
  return {
    etcd: plain(ports.etcd, '/health'),
    'kube-apiserver': tls(ports['kube-apiserver'], '/readyz'),
    'kube-controller-manager': tls(ports['kube-controller-manager'], '/healthz'),
    'kube-scheduler': tls(ports['kube-scheduler'], '/healthz'),
    'kwok-controller': plain(ports['kwok-controller'], '/healthz'),
    prometheus: plain(prometheusPort, '/-/ready'),
    'stats-proxy': plain(statsProxyPort, '/readyz'),
    'metrics-server': tls(metricsServerPort, '/readyz'),
    collector: plain(otlpHttpPort, '/v1/traces'),
    jaeger: plain(jaegerPort, '/api/services'),
    page: plain(grafanaPort, '/healthz'),
    grafana: plain(grafanaPort, '/api/health'),
  }
}

/** What the cluster and Prometheus hold. */
export async function countAll(lab: Lab): Promise<Counts> {
  const [nodes, pods, series] = await Promise.all([
    lines(lab, ['get', 'nodes', '-o', 'name']),
    lines(lab, ['get', 'pods', '-A', '--no-headers', '-o', 'custom-columns=:.status.phase,:.metadata.labels']),
    query(prometheusUrl(lab), 'prometheus_tsdb_head_series').catch(() => undefined),
  ])
  const phases = new Map<string, number>()
  for (const pod of pods ?? []) {
    const phase = pod.split(/\s/)[0] ?? ''
    phases.set(phase, (phases.get(phase) ?? 0) + 1)
  }
  const mark = managedBy.replace('=', ':')
  return {
    nodes: nodes?.length,
    podPhases: pods === undefined ? undefined : phases,
    labPods: pods?.filter(pod => pod.includes(mark)).length,
    series: series?.[0]?.value,
  }
}

async function lines(lab: Lab, args: string[]): Promise<string[] | undefined> {
  const { exitCode, stdout } = await kubectl(lab, args, { nothrow: true, timeoutMs: 20_000 })
  return exitCode === 0 ? stdout.split('\n').filter(line => line !== '') : undefined
}
