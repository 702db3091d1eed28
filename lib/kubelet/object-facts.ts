import { fields, items, text, timeMs } from '../kube/json.ts'
import { type ContainerFacts, containerFacts, type QosClass, qosClass } from './container-facts.ts'
import { podDocument } from './pod-document.ts'
import { amount, NANO } from './resource-amounts.ts'
import type { KeptText } from './text-arena.ts'
import { type BadAnnotation, usageAnnotations } from './usage-annotations.ts'
import type { PresetName } from './usage-presets.ts'
import { type VolumeFacts, volumeFacts } from './volume-facts.ts'

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
  const { cpuNanoCores, memoryBytes, preset, bad } = usageAnnotations(fields(metadata.annotations))
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
    usageCpuNanoCores: cpuNanoCores,
    usageMemoryBytes: memoryBytes,
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
