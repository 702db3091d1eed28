import { fields, text, timeMs } from '../kube/json.ts'
import { containerId, type PodDocument } from './pod-document.ts'
import { NANO, resource } from './resource-amounts.ts'

/** What is kept of a container, from spec and status. What isn't there is undefined: all of one shape take half the memory. */
export interface ContainerFacts {
  name: string
  /** As a container runtime would name this run of it: 64 hexadecimal digits. */
  id: string
  image: string
  cpuRequestNanoCores?: number | undefined
  cpuLimitNanoCores?: number | undefined
  memoryRequestBytes?: number | undefined
  memoryLimitBytes?: number | undefined
  running: boolean
  /** When this run of it began (epoch); absent until its status says so. */
  startedMs?: number | undefined
  /** Kinds and periods of its probes, if it has any. */
  probes?: ProbeFacts[] | undefined
}

/** A probe, as a kubelet counts it. */
export interface ProbeFacts {
  type: 'Liveness' | 'Readiness' | 'Startup'
  periodS: number
}

/** The classes by which a kubelet orders pods' cgroups. */
export type QosClass = 'guaranteed' | 'burstable' | 'besteffort'

/** Narrows a container of a Pod's spec, with what the statuses say of it. */
export function containerFacts(
  raw: unknown,
  podUid: string,
  podRunning: boolean,
  statuses: PodDocument['statuses'],
): ContainerFacts {
  const container = fields(raw)
  const name = text(container.name) ?? ''
  const requests = fields(fields(container.resources).requests)
  const limits = fields(fields(container.resources).limits)
  const status = statuses.get(name)
  const state = status === undefined ? undefined : fields(status.state)
  const startedMs = timeMs(fields(state?.running).startedAt)
  const probes = probesOf(container)
  return {
    name,
    id: containerId(podUid, name, status),
    // A runtime names an image without the digest by which a spec may ask for it.
    image: text(status?.image) ?? text(container.image) ?? '',
    cpuRequestNanoCores: resource(requests.cpu, NANO),
    cpuLimitNanoCores: resource(limits.cpu, NANO),
    memoryRequestBytes: resource(requests.memory, 1),
    memoryLimitBytes: resource(limits.memory, 1),
    // A pod may be Running before anyone has written the statuses of its containers.
    running: podRunning && (state === undefined || state.running !== undefined),
    startedMs,
    probes: probes.length === 0 ? undefined : probes,
  }
}

/** What the status says, else as Kubernetes derives it from requests and limits. */
export function qosClass(given: unknown, containers: ContainerFacts[]): QosClass {
  const said = text(given)?.toLowerCase()
  if (said === 'guaranteed' || said === 'burstable' || said === 'besteffort') return said
  const isGuaranteed = containers.every(
    each =>
      each.cpuLimitNanoCores !== undefined &&
      each.memoryLimitBytes !== undefined &&
      (each.cpuRequestNanoCores ?? each.cpuLimitNanoCores) === each.cpuLimitNanoCores &&
      (each.memoryRequestBytes ?? each.memoryLimitBytes) === each.memoryLimitBytes,
  )
  if (isGuaranteed && containers.length > 0) return 'guaranteed'
  const asksForSomething = containers.some(
    each =>
      each.cpuRequestNanoCores !== undefined ||
      each.cpuLimitNanoCores !== undefined ||
      each.memoryRequestBytes !== undefined ||
      each.memoryLimitBytes !== undefined,
  )
  return asksForSomething ? 'burstable' : 'besteffort'
}

function probesOf(container: Record<string, unknown>): ProbeFacts[] {
  const probes: ProbeFacts[] = []
  for (const type of ['Liveness', 'Readiness', 'Startup'] as const) {
    const probe = container[`${type.toLowerCase()}Probe`]
    const periodS = Number(fields(probe).periodSeconds ?? 10)
    if (probe !== undefined) probes.push({ type, periodS: periodS >= 1 ? periodS : 10 })
  }
  return probes
}
