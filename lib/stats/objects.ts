import { fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'

/** The annotations by which KWOK's shipped ClusterResourceUsage sets usage, each container the whole of it (facts/kwok.md 4.8). */
const USAGE_CPU = 'kwok.x-k8s.io/usage-cpu'
const USAGE_MEMORY = 'kwok.x-k8s.io/usage-memory'

const NANO = 1e9
const CONFIG_MAP_BYTES = 16_384

/** What is kept of a container, from spec and status. */
export interface ContainerFacts {
  name: string
  cpuRequestNanoCores?: number
  cpuLimitNanoCores?: number
  memoryRequestBytes?: number
  memoryLimitBytes?: number
  running: boolean
  /** When this run of it began (epoch); absent until its status says so. */
  startedMs?: number
}

/** What is kept of a volume that a kubelet measures. */
export interface VolumeFacts {
  name: string
  /** `disk` is an emptyDir on the node's disk, `memory` is tmpfs (secrets, tokens, emptyDir of medium Memory). */
  kind: 'disk' | 'memory' | 'claim'
  /** Of kind `claim`. */
  claimName?: string
  /** emptyDir's sizeLimit, or a guess at the size of what is in it. */
  limitBytes?: number
}

/** An annotation that couldn't be used, as it stands on the pod. */
export interface BadAnnotation {
  name: string
  value: string
  why: string
}

/** What is kept of a pod that is bound to a node: about a tenth of the object. */
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
  usageCpuNanoCores?: number
  usageMemoryBytes?: number
  badAnnotations?: BadAnnotation[]
  /** Containers, and init containers that stay (sidecars). */
  containers: ContainerFacts[]
  volumes: VolumeFacts[]
}

/** What is kept of a node. */
export interface NodeFacts {
  uid: string
  name: string
  /** A simulated node boots when it is created (epoch); infinite as a pod's. */
  startMs: number
  memoryCapacityBytes?: number
  storageCapacityBytes?: number
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
  const statuses = new Map<string | undefined, Record<string, unknown>>()
  for (const each of [...items(status.containerStatuses), ...items(status.initContainerStatuses)]) {
    statuses.set(text(fields(each).name), fields(fields(each).state))
  }
  const sidecars = items(spec.initContainers).filter(each => fields(each).restartPolicy === 'Always')
  const containers = [...items(spec.containers), ...sidecars].map(each => containerFacts(each, running, statuses))
  const bad: BadAnnotation[] = []
  const annotations = fields(metadata.annotations)
  const cpu = usageOf(annotations, USAGE_CPU, NANO, bad)
  const memory = usageOf(annotations, USAGE_MEMORY, 1, bad)
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
    ...(cpu === undefined ? {} : { usageCpuNanoCores: cpu }),
    ...(memory === undefined ? {} : { usageMemoryBytes: memory }),
    ...(bad.length === 0 ? {} : { badAnnotations: bad }),
    containers,
    volumes: items(spec.volumes).flatMap(each => volumeFacts(each, name)),
  }
}

/** Narrows a Node as the API gives it; undefined for one without name or UID. */
export function nodeFacts(raw: unknown): NodeFacts | undefined {
  const node = fields(raw)
  const metadata = fields(node.metadata)
  const uid = text(metadata.uid)
  const name = text(metadata.name)
  if (uid === undefined || name === undefined) return undefined
  const capacity = fields(fields(node.status).capacity)
  return {
    uid,
    name,
    startMs: timeMs(metadata.creationTimestamp) ?? Number.POSITIVE_INFINITY,
    ...amount('memoryCapacityBytes', capacity.memory, 1),
    ...amount('storageCapacityBytes', capacity['ephemeral-storage'], 1),
  }
}

function containerFacts(
  raw: unknown,
  podRunning: boolean,
  statuses: Map<string | undefined, Record<string, unknown>>,
): ContainerFacts {
  const container = fields(raw)
  const name = text(container.name) ?? ''
  const requests = fields(fields(container.resources).requests)
  const limits = fields(fields(container.resources).limits)
  const state = statuses.get(name)
  const startedMs = timeMs(fields(state?.running).startedAt)
  return {
    name,
    ...amount('cpuRequestNanoCores', requests.cpu, NANO),
    ...amount('cpuLimitNanoCores', limits.cpu, NANO),
    ...amount('memoryRequestBytes', requests.memory, 1),
    ...amount('memoryLimitBytes', limits.memory, 1),
    // A pod may be Running before anyone has written the statuses of its containers.
    running: podRunning && (state === undefined || state.running !== undefined),
    ...(startedMs === undefined ? {} : { startedMs }),
  }
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
    return [{ name, kind: medium === 'Memory' ? 'memory' : 'disk', ...amount('limitBytes', sizeLimit, 1) }]
  }
  // As in pkg/volume of Kubernetes: these three are written to tmpfs, a ConfigMap to the disk.
  const isTmpfs = volume.secret !== undefined || volume.projected !== undefined || volume.downwardAPI !== undefined
  if (isTmpfs) return [{ name, kind: 'memory' }]
  if (volume.configMap !== undefined) return [{ name, kind: 'disk', limitBytes: CONFIG_MAP_BYTES }]
  return [] // hostPath and the like: a kubelet doesn't measure them
}

/** `{ [key]: value }` of a quantity of the API in units of 1/scale, `{}` when it isn't there or isn't a sane amount. */
function amount<K extends string>(key: K, value: unknown, scale: number): { [key in K]?: number } {
  const parsed = typeof value === 'string' ? parseQuantity(value) : undefined
  if (parsed === undefined || !isSane(parsed * scale)) return {}
  return { [key]: Math.round(parsed * scale) } as { [key in K]?: number }
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

/** Up to 9 million cores or 8 PiB: no machine has more, and all up to here is exact. */
function isSane(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function timeMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
