import { fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { containerId, type PodDocument, podDocument } from './pod-document.ts'
import { isPresetName, type PresetName, presetNames } from './presets.ts'
import type { KeptText } from './text-arena.ts'

/** The annotations by which KWOK's shipped ClusterResourceUsage sets usage, each container the whole of it (facts/kwok.md 4.8). */
const USAGE_CPU = 'kwok.x-k8s.io/usage-cpu'
const USAGE_MEMORY = 'kwok.x-k8s.io/usage-memory'
/** Names one of the presets for a pod, and goes before everything else. */
const USAGE_PRESET = 'kube-otel-lab/usage-preset'

const NANO = 1e9
const CONFIG_MAP_BYTES = 16_384

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

/** What is kept of a volume that a kubelet measures. */
export interface VolumeFacts {
  name: string
  /** `disk` is an emptyDir on the node's disk, `memory` is tmpfs (secrets, tokens, emptyDir of medium Memory). */
  kind: 'disk' | 'memory' | 'claim'
  /** Of kind `claim`. */
  claimName?: string
  /** emptyDir's sizeLimit, or a guess at the size of what is in it. */
  limitBytes?: number | undefined
}

/** An annotation that couldn't be used, as it stands on the pod. */
export interface BadAnnotation {
  name: string
  value: string
  why: string
}

/** The classes by which a kubelet orders pods' cgroups. */
export type QosClass = 'guaranteed' | 'burstable' | 'besteffort'

/** What is kept of a pod that is bound to a node. */
export interface PodFacts {
  uid: string
  name: string
  namespace: string
  nodeName: string
  /** Phase Running: a kubelet's summary has no other pods, and keeps a pod that is being deleted until it is gone. */
  running: boolean
  /** Epoch; infinite when nothing says when, which counts as now. */
  startMs: number
  hostNetwork: boolean
  qos: QosClass
  preset?: PresetName | undefined
  usageCpuNanoCores?: number | undefined
  usageMemoryBytes?: number | undefined
  badAnnotations?: BadAnnotation[] | undefined
  /** Containers, and init containers that stay (sidecars). */
  containers: ContainerFacts[]
  volumes: VolumeFacts[]
  /** The Pod as its node's kubelet would give it at `/pods`: JSON, because that takes a fifth of the memory of objects. */
  json: KeptText | string
}

/** What is kept of a node. */
export interface NodeFacts {
  uid: string
  name: string
  /** A simulated node boots when it is created (epoch); infinite as a pod's. */
  startMs: number
  cpuCapacityNanoCores?: number | undefined
  memoryCapacityBytes?: number | undefined
  storageCapacityBytes?: number | undefined
  /** `status.nodeInfo`'s machineID, systemUUID and bootID: labels of what cAdvisor says of a machine. */
  machine: { machineId: string; systemUuid: string; bootId: string }
  /** The Node without its managed fields, for expressions. */
  object: Readonly<Record<string, unknown>>
}

/** Narrows a Pod as the API gives it; undefined for one that is on no node or has no UID. */
export function podFacts(raw: unknown): PodFacts | undefined {
  const pod = fields(raw)
  const metadata = fields(pod.metadata)
  const spec = fields(pod.spec)
  const status = fields(pod.status)
  const uid = text(metadata.uid)
  const name = text(metadata.name)
  const nodeName = text(spec.nodeName)
  if (uid === undefined || name === undefined || nodeName === undefined) return undefined

  const running = status.phase === 'Running'
  const document = podDocument(pod, uid)
  const { statuses } = document
  const sidecars = items(spec.initContainers).filter(each => fields(each).restartPolicy === 'Always')
  const containers = [...items(spec.containers), ...sidecars].map(each => containerFacts(each, uid, running, statuses))
  const bad: BadAnnotation[] = []
  const annotations = fields(metadata.annotations)
  const cpu = usageOf(annotations, USAGE_CPU, NANO, bad)
  const memory = usageOf(annotations, USAGE_MEMORY, 1, bad)
  const preset = presetOf(annotations, bad)
  return {
    uid,
    name,
    namespace: text(metadata.namespace) ?? 'default',
    nodeName,
    running,
    startMs:
      timeMs(status.startTime) ??
      containers.find(each => each.startedMs !== undefined)?.startedMs ??
      timeMs(metadata.creationTimestamp) ??
      Number.POSITIVE_INFINITY,
    hostNetwork: spec.hostNetwork === true,
    qos: qosClass(status.qosClass, containers),
    preset,
    usageCpuNanoCores: cpu,
    usageMemoryBytes: memory,
    badAnnotations: bad.length === 0 ? undefined : bad,
    containers,
    volumes: items(spec.volumes).flatMap(each => volumeFacts(each, name)),
    json: JSON.stringify(document.pod),
  }
}

/** Narrows a Node as the API gives it; undefined for one without name or UID. */
export function nodeFacts(raw: unknown): NodeFacts | undefined {
  const node = fields(raw)
  const metadata = fields(node.metadata)
  const uid = text(metadata.uid)
  const name = text(metadata.name)
  if (uid === undefined || name === undefined) return undefined
  const { managedFields: _, ...rest } = metadata
  const { machineID, systemUUID, bootID } = fields(fields(node.status).nodeInfo)
  const capacity = fields(fields(node.status).capacity)
  return {
    uid,
    name,
    startMs: timeMs(metadata.creationTimestamp) ?? Number.POSITIVE_INFINITY,
    cpuCapacityNanoCores: amount(capacity.cpu, NANO),
    memoryCapacityBytes: amount(capacity.memory, 1),
    storageCapacityBytes: amount(capacity['ephemeral-storage'], 1),
    machine: { machineId: text(machineID) ?? '', systemUuid: text(systemUUID) ?? '', bootId: text(bootID) ?? '' },
    object: { ...node, metadata: rest },
  }
}

function containerFacts(
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
    image: text(container.image) ?? '',
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

function probesOf(container: Record<string, unknown>): ProbeFacts[] {
  const probes: ProbeFacts[] = []
  for (const type of ['Liveness', 'Readiness', 'Startup'] as const) {
    const probe = container[`${type.toLowerCase()}Probe`]
    const periodS = Number(fields(probe).periodSeconds ?? 10)
    if (probe !== undefined) probes.push({ type, periodS: periodS >= 1 ? periodS : 10 })
  }
  return probes
}

/** What the status says, else as Kubernetes derives it from requests and limits. */
function qosClass(given: unknown, containers: ContainerFacts[]): QosClass {
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

function volumeFacts(raw: unknown, podName: string): VolumeFacts[] {
  const volume = fields(raw)
  const name = text(volume.name)
  if (name === undefined) return []
  const claimName = text(fields(volume.persistentVolumeClaim).claimName)
  if (claimName !== undefined) return [{ name, kind: 'claim', claimName }]
  // A generic ephemeral volume's claim has a fixed name.
  if (volume.ephemeral !== undefined) return [{ name, kind: 'claim', claimName: `${podName}-${name}` }]
  if (volume.emptyDir !== undefined) {
    const { medium, sizeLimit } = fields(volume.emptyDir)
    return [{ name, kind: medium === 'Memory' ? 'memory' : 'disk', limitBytes: resource(sizeLimit, 1) }]
  }
  // As in pkg/volume of Kubernetes: these three are written to tmpfs, a ConfigMap to the disk.
  const isTmpfs = volume.secret !== undefined || volume.projected !== undefined || volume.downwardAPI !== undefined
  if (isTmpfs) return [{ name, kind: 'memory' }]
  if (volume.configMap !== undefined) return [{ name, kind: 'disk', limitBytes: CONFIG_MAP_BYTES }]
  return [] // hostPath and the like: a kubelet doesn't measure them
}

/** A quantity of the API in units of 1/scale; undefined when it isn't there or isn't a sane amount. */
function amount(value: unknown, scale: number): number | undefined {
  const parsed = typeof value === 'string' ? parseQuantity(value) : undefined
  return parsed === undefined || !isSane(parsed * scale) ? undefined : Math.round(parsed * scale)
}

/** A request or limit. A kubelet takes 0 for none. */
function resource(value: unknown, scale: number): number | undefined {
  return amount(value, scale) || undefined
}

function usageOf(
  annotations: Record<string, unknown>,
  name: string,
  scale: number,
  bad: BadAnnotation[],
): number | undefined {
  const value = annotations[name]
  if (typeof value !== 'string') return undefined
  const parsed = parseQuantity(value)
  if (parsed !== undefined && isSane(parsed * scale)) return Math.round(parsed * scale)
  const why = parsed === undefined ? 'is not a quantity' : parsed < 0 ? 'is negative' : 'is more than any machine has'
  bad.push({ name, value: value.slice(0, 100), why })
  return undefined
}

function presetOf(annotations: Record<string, unknown>, bad: BadAnnotation[]): PresetName | undefined {
  const value = annotations[USAGE_PRESET]
  if (typeof value !== 'string') return undefined
  if (isPresetName(value)) return value
  bad.push({ name: USAGE_PRESET, value: value.slice(0, 100), why: `is not one of ${presetNames.join(', ')}` })
  return undefined
}

/** Up to 9 million cores or 8 PiB: no machine has more, and all up to here is exact. */
export function isSane(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function timeMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
