import type { KubeletWork } from '../counters/kubelet-work.ts'
import type { KeptText } from './text-arena.ts'

/** The usage patterns that `USAGE_PRESET` and the annotation `kube-otel-lab/usage-preset` can name. */
export const presetNames = ['steady', 'diurnal', 'bursty', 'leak', 'idle'] as const
export type PresetName = (typeof presetNames)[number]

/** Whether a text names a preset. */
export function isPresetName(text: string): text is PresetName {
  return (presetNames as readonly string[]).includes(text)
}

/** The fields of a Pod bound to a node that the stats proxy keeps. */
export interface PodFacts {
  uid: string
  name: string
  namespace: string
  nodeName: string
  /** Phase Running: a kubelet's summary lists only these pods. A terminating pod stays Running until it is deleted. */
  running: boolean
  /** Epoch; infinite when the Pod has no start or creation time, which counts as now. */
  startMs: number
  hostNetwork: boolean
  /** It runs in the network of its node, but started before its node had an address: KWOK gave it none. */
  lacksAddress: boolean
  qos: QosClass
  /** A scenario that changes what its kubelet serves, and its start (epoch) if that matters. */
  scenario?: string | undefined
  scenarioStartMs?: number | undefined
  preset?: PresetName | undefined
  usageCpuNanoCores?: number | undefined
  usageMemoryBytes?: number | undefined
  badAnnotations?: BadAnnotation[] | undefined
  /** Containers, and sidecars (init containers with `restartPolicy: Always`). */
  containers: ContainerFacts[]
  volumes: VolumeFacts[]
  /** What its kubelet has done for it, once it has started. */
  work: KubeletWork
  /** The Pod as its kubelet lists it at `/pods`. As JSON text it takes a fifth of the memory of objects. */
  json: KeptText | string
}

/** The fields of a container's spec and status that the stats proxy keeps. Absent fields are undefined: objects of one shape take half the memory. */
export interface ContainerFacts {
  name: string
  /** The ID of this run of the container: 64 hexadecimal digits. */
  id: string
  image: string
  cpuRequestNanoCores?: number | undefined
  cpuLimitNanoCores?: number | undefined
  memoryRequestBytes?: number | undefined
  memoryLimitBytes?: number | undefined
  running: boolean
  /** How often it was restarted: each run has counters of its own. */
  restarts: number
  /** When this run of the container started (epoch); undefined until its status has the time. */
  startedMs?: number | undefined
  probes?: ProbeFacts[] | undefined
}

/** A probe of a container. */
export interface ProbeFacts {
  type: 'Liveness' | 'Readiness' | 'Startup'
  periodS: number
}

/** QoS classes as in the cgroup paths of a kubelet. */
export type QosClass = 'guaranteed' | 'burstable' | 'besteffort'

/** A volume that a kubelet measures. */
export interface VolumeFacts {
  name: string
  /** `disk` is an emptyDir or ConfigMap on the node's disk, `memory` is tmpfs (Secret, token, emptyDir of medium Memory). */
  kind: 'disk' | 'memory' | 'claim'
  /** Set for kind `claim`. */
  claimName?: string
  /** emptyDir's `sizeLimit`, or an estimate of the content's size. */
  limitBytes?: number | undefined
}

/** A usage annotation with an invalid value. */
export interface BadAnnotation {
  name: string
  value: string
  why: string
}

/** The fields of a Node that the stats proxy keeps. */
export interface NodeFacts {
  uid: string
  name: string
  /** A simulated node boots when it is created (epoch); infinite when the Node has no creation time. */
  startMs: number
  /** A scenario that changes what its kubelet serves. */
  scenario?: string | undefined
  cpuCapacityNanoCores?: number | undefined
  memoryCapacityBytes?: number | undefined
  storageCapacityBytes?: number | undefined
  /** machineID, systemUUID and bootID of `status.nodeInfo`: labels of cAdvisor's machine metrics. */
  machine: { machineId: string; systemUuid: string; bootId: string }
  /** The Node without its managed fields, for expressions. */
  object: Readonly<Record<string, unknown>>
}
