import { addressesOf } from './addresses.ts'
import { containerMemory } from './containers/cluster.ts'
import { hasJaeger } from './jaeger.ts'
import { kubectl } from './kubectl.ts'
import { componentLog, componentPorts, componentProcesses, components } from './kwokctl.ts'
import type { Lab } from './lab.ts'
import { managedBy } from './manifest.ts'
import type { ProcessInfo } from './processes.ts'
import { prometheusUrl, query } from './prometheus.ts'
import { labServices, runtimeOf } from './runtime.ts'
import { containerServiceNames, labServiceNames, type ServiceName } from './services.ts'

/** One part of a lab as `kwok-status` shows it. */
export interface PartStatus {
  name: string
  process: ProcessInfo | undefined
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
    ? [...containerServiceNames, ...(hasJaeger(lab) ? (['jaeger'] as const) : [])]
    : labServiceNames
  const names = [...parts, 'page'] as const
  const states = await Promise.all(names.map(name => services.state(name)))
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
  }
  const all = [
    ...components.map(name => ({
      name,
      process: running.get(name),
      // Most containers of kwokctl publish nothing.
      address: Number.isNaN(ports[name]) ? inside.component(name) : `127.0.0.1:${ports[name]}`,
      logFile: componentLog(lab, name),
    })),
    ...states
      // Nobody needs the page but who asks for it.
      .filter(({ name, isWanted }) => name !== 'page' || isWanted)
      .map(({ isWanted: _, ...state }) => ({ ...state, address: addresses[state.name] })),
  ]
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
