import { fields, items, text, timeMs } from '../../kube/json.ts'
import { scenarioOf, scenarioStartAnnotation } from '../../lab/manifest.ts'
import { workForPod } from '../counters/kubelet-work.ts'
import type { ContainerFacts, NodeFacts, PodFacts, ProbeFacts, QosClass, VolumeFacts } from './facts.ts'
import { containerId, type PodDocument, podDocument } from './pod-document.ts'
import { amount, NANO, nonZeroAmount } from './resource-amounts.ts'
import { usageAnnotations } from './usage-annotations.ts'

/** Estimated size of the files of a ConfigMap. */
const CONFIG_MAP_BYTES = 16_384

/** The facts of a Pod of the API; undefined for a Pod that is not bound to a node or has no UID. */
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
  const sidecars = items(spec.initContainers).filter(each => fields(each).restartPolicy === 'Always')
  const containers = [...items(spec.containers), ...sidecars].map(each =>
    containerFacts(each, uid, running, document.statuses),
  )
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
    lacksAddress: running && spec.hostNetwork === true && text(status.podIP) === undefined,
    qos: qosClass(status),
    scenario: scenarioOf(pod),
    scenarioStartMs: timeMs(fields(metadata.annotations)[scenarioStartAnnotation]),
    preset,
    usageCpuNanoCores: cpuNanoCores,
    usageMemoryBytes: memoryBytes,
    badAnnotations: bad.length === 0 ? undefined : bad,
    containers,
    volumes: items(spec.volumes).flatMap(each => volumeFacts(each, name)),
    work: workForPod(spec, status),
    json: JSON.stringify(document.pod),
  }
}

/** The facts of a Node of the API; undefined for a Node without name or UID. */
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
    scenario: scenarioOf(node),
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
  const probes = probeFacts(container)
  return {
    name,
    id: containerId(podUid, name, status),
    // The status names the image without the digest that a spec may have.
    image: text(status?.image) ?? text(container.image) ?? '',
    cpuRequestNanoCores: nonZeroAmount(requests.cpu, NANO),
    cpuLimitNanoCores: nonZeroAmount(limits.cpu, NANO),
    memoryRequestBytes: nonZeroAmount(requests.memory, 1),
    memoryLimitBytes: nonZeroAmount(limits.memory, 1),
    // A Running pod may not have container statuses yet.
    running: podRunning && (state === undefined || state.running !== undefined),
    restarts: Number(status?.restartCount ?? 0),
    startedMs: timeMs(fields(state?.running).startedAt),
    probes: probes.length === 0 ? undefined : probes,
  }
}

/** The QoS class, which the API server writes into the status of each pod. */
function qosClass(status: Record<string, unknown>): QosClass {
  const lower = text(status.qosClass)?.toLowerCase()
  return lower === 'guaranteed' || lower === 'burstable' ? lower : 'besteffort'
}

function probeFacts(container: Record<string, unknown>): ProbeFacts[] {
  const probes: ProbeFacts[] = []
  for (const type of ['Liveness', 'Readiness', 'Startup'] as const) {
    const probe = container[`${type.toLowerCase()}Probe`]
    const periodS = Number(fields(probe).periodSeconds ?? 10)
    if (probe !== undefined) probes.push({ type, periodS: periodS >= 1 ? periodS : 10 })
  }
  return probes
}

/** Empty for a volume that a kubelet does not measure, such as hostPath. */
function volumeFacts(raw: unknown, podName: string): VolumeFacts[] {
  const volume = fields(raw)
  const name = text(volume.name)
  if (name === undefined) return []
  const claimName = text(fields(volume.persistentVolumeClaim).claimName)
  if (claimName !== undefined) return [{ name, kind: 'claim', claimName }]
  // Kubernetes names the claim of a generic ephemeral volume like this.
  if (volume.ephemeral !== undefined) return [{ name, kind: 'claim', claimName: `${podName}-${name}` }]
  if (volume.emptyDir !== undefined) {
    const { medium, sizeLimit } = fields(volume.emptyDir)
    return [{ name, kind: medium === 'Memory' ? 'memory' : 'disk', limitBytes: nonZeroAmount(sizeLimit, 1) }]
  }
  // As in pkg/volume of Kubernetes: these three use tmpfs, a ConfigMap uses the disk.
  const isTmpfs = volume.secret !== undefined || volume.projected !== undefined || volume.downwardAPI !== undefined
  if (isTmpfs) return [{ name, kind: 'memory' }]
  if (volume.configMap !== undefined) return [{ name, kind: 'disk', limitBytes: CONFIG_MAP_BYTES }]
  return []
}
