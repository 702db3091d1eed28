import type { V1ObjectMeta, V1Pod, V1PodTemplateSpec, V1Service } from '@kubernetes/client-node'
import { scenarioOf } from '../lab/manifest.ts'

/** The kinds of workloads whose pod templates are read, with their API paths. */
export const workloadPaths = {
  Deployment: '/apis/apps/v1/deployments',
  StatefulSet: '/apis/apps/v1/statefulsets',
  DaemonSet: '/apis/apps/v1/daemonsets',
} as const
export type WorkloadKind = keyof typeof workloadPaths

/** An environment variable with the address of a Service. */
export interface PeerVariable {
  /** Ends in `_ADDR`. */
  name: string
  value: string
}

/** The fields of a workload that are kept. */
export interface WorkloadFacts {
  uid: string
  kind: WorkloadKind
  namespace: string
  name: string
  /** The labels of its pods. */
  labels: Readonly<Record<string, string>>
  /** The variables of all containers, in order, without duplicate names. */
  peers: readonly PeerVariable[]
}

/** The fields of a Service that are kept. */
export interface ServiceFacts {
  uid: string
  namespace: string
  name: string
  /** Empty when it selects no pods. */
  selector: Readonly<Record<string, string>>
  ports: readonly { port: number; protocol: Protocol }[]
  /** A scenario that changes how its requests end, or how many there are. */
  scenario?: string | undefined
}

/** The protocol of a Service, which determines the attributes of its spans. */
export type Protocol = 'http' | 'grpc' | 'redis' | 'tcp'

/** The fields of a pod that are kept. */
export interface TracedPod {
  uid: string
  namespace: string
  name: string
  nodeName: string
  labels: Readonly<Record<string, string>>
  ready: boolean
  /** The workload that controls the pod; undefined without a controller. */
  owner: { kind: string; name: string } | undefined
  /** The first container, for `k8s.container.name`. */
  containerName: string | undefined
}

/**
 * Reads a workload of the API; undefined without UID or name. The API server validates objects, so their types are
 * trusted.
 */
export function workloadFacts(kind: WorkloadKind, raw: unknown): WorkloadFacts | undefined {
  const { metadata, spec } = raw as { metadata?: V1ObjectMeta; spec?: { template: V1PodTemplateSpec } }
  const { uid, name, namespace = 'default' } = metadata ?? {}
  if (uid === undefined || name === undefined) return undefined
  const peers = new Map<string, PeerVariable>()
  for (const { env = [] } of spec?.template.spec?.containers ?? []) {
    for (const variable of env) {
      // A value from a ConfigMap or Secret would need more rights.
      if (!variable.name.endsWith('_ADDR') || !variable.value || peers.has(variable.name)) continue
      peers.set(variable.name, { name: variable.name, value: variable.value })
    }
  }
  return { uid, kind, namespace, name, labels: spec?.template.metadata?.labels ?? {}, peers: [...peers.values()] }
}

/** Reads a Service of the API; undefined without UID or name. */
export function serviceFacts(raw: unknown): ServiceFacts | undefined {
  const { metadata, spec } = raw as V1Service
  const { uid, name, namespace = 'default' } = metadata ?? {}
  if (uid === undefined || name === undefined) return undefined
  const ports = (spec?.ports ?? []).map(({ port, name: portName, appProtocol }) => {
    return { port, protocol: protocolOf(appProtocol ?? portName ?? '', port) }
  })
  return { uid, namespace, name, selector: spec?.selector ?? {}, ports, scenario: scenarioOf(raw) }
}

/** Reads a Pod of the API; undefined without UID, name or node. */
export function tracedPod(raw: unknown): TracedPod | undefined {
  const { metadata, spec, status } = raw as V1Pod
  const { uid, name, namespace = 'default', labels = {}, deletionTimestamp } = metadata ?? {}
  const { nodeName } = spec ?? {}
  if (uid === undefined || name === undefined || !nodeName) return undefined
  const isReady = status?.conditions?.some(each => each.type === 'Ready' && each.status === 'True') === true
  return {
    uid,
    namespace,
    name,
    nodeName,
    labels,
    // A terminating pod is no endpoint of its Services.
    ready: isReady && status?.phase === 'Running' && deletionTimestamp === undefined,
    owner: ownerOf(metadata, labels),
    containerName: spec?.containers[0]?.name,
  }
}

/** Whether a Service selects an object. An empty selector selects nothing. */
export function selects(
  { namespace, selector }: Pick<ServiceFacts, 'namespace' | 'selector'>,
  object: Pick<TracedPod, 'namespace' | 'labels'>,
): boolean {
  if (namespace !== object.namespace) return false
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([key, value]) => object.labels[key] === value)
}

/** The application protocol by the port's `appProtocol` or name, else by its number. */
function protocolOf(name: string, port: number): Protocol {
  if (/grpc/i.test(name)) return 'grpc'
  if (/redis/i.test(name) || port === 6379) return 'redis'
  if (/http|web/i.test(name) || [80, 443, 8080].includes(port)) return 'http'
  return 'tcp'
}

/** The ReplicaSet of a Deployment is named `<deployment>-<pod-template-hash>`. */
function ownerOf(metadata: V1ObjectMeta | undefined, labels: Record<string, string>): TracedPod['owner'] {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true)
  if (owner === undefined) return undefined
  const { kind, name } = owner
  const suffix = `-${labels['pod-template-hash']}`
  return kind === 'ReplicaSet' && name.endsWith(suffix)
    ? { kind: 'Deployment', name: name.slice(0, -suffix.length) }
    : { kind, name }
}
