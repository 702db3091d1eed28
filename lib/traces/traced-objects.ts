import { fields, items, text } from '../kube/json.ts'

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

/** Reads a workload of the API; undefined without UID or name. */
export function workloadFacts(kind: WorkloadKind, raw: unknown): WorkloadFacts | undefined {
  const { metadata, spec } = fields(raw)
  const [uid, name] = [text(fields(metadata).uid), text(fields(metadata).name)]
  if (uid === undefined || name === undefined) return undefined
  const template = fields(fields(spec).template)
  const peers = new Map<string, PeerVariable>()
  for (const container of items(fields(template.spec).containers)) {
    for (const each of items(fields(container).env)) {
      const variable = text(fields(each).name)
      // A value from a ConfigMap or Secret would need more rights.
      const value = text(fields(each).value)
      if (variable?.endsWith('_ADDR') !== true || value === undefined || peers.has(variable)) continue
      peers.set(variable, { name: variable, value })
    }
  }
  return {
    uid,
    kind,
    namespace: text(fields(metadata).namespace) ?? 'default',
    name,
    labels: texts(fields(template.metadata).labels),
    peers: [...peers.values()],
  }
}

/** Reads a Service of the API; undefined without UID or name. */
export function serviceFacts(raw: unknown): ServiceFacts | undefined {
  const { metadata, spec } = fields(raw)
  const [uid, name] = [text(fields(metadata).uid), text(fields(metadata).name)]
  if (uid === undefined || name === undefined) return undefined
  return {
    uid,
    namespace: text(fields(metadata).namespace) ?? 'default',
    name,
    selector: texts(fields(spec).selector),
    ports: items(fields(spec).ports).map(each => {
      const { port, name: portName, appProtocol } = fields(each)
      return { port: Number(port), protocol: protocolOf(text(appProtocol) ?? text(portName) ?? '', Number(port)) }
    }),
  }
}

/** Reads a Pod of the API; undefined without UID, name or node. */
export function tracedPod(raw: unknown): TracedPod | undefined {
  const { metadata, spec, status } = fields(raw)
  const { uid: rawUid, name: rawName, namespace, labels, ownerReferences, deletionTimestamp } = fields(metadata)
  const [uid, name, nodeName] = [text(rawUid), text(rawName), text(fields(spec).nodeName)]
  if (uid === undefined || name === undefined || nodeName === undefined) return undefined
  const isReady = items(fields(status).conditions).some(
    each => fields(each).type === 'Ready' && fields(each).status === 'True',
  )
  const podLabels = texts(labels)
  return {
    uid,
    namespace: text(namespace) ?? 'default',
    name,
    nodeName,
    labels: podLabels,
    // A terminating pod is no endpoint of its Services.
    ready: isReady && fields(status).phase === 'Running' && deletionTimestamp === undefined,
    owner: ownerOf(items(ownerReferences), podLabels),
    containerName: text(fields(items(fields(spec).containers)[0]).name),
  }
}

/** Whether a selector matches labels. An empty selector matches nothing, as for a Service. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)
}

/** The application protocol by the port's `appProtocol` or name, else by its number. */
function protocolOf(name: string, port: number): Protocol {
  if (/grpc/i.test(name)) return 'grpc'
  if (/redis/i.test(name) || port === 6379) return 'redis'
  if (/http|web/i.test(name) || [80, 443, 8080].includes(port)) return 'http'
  return 'tcp'
}

/** The ReplicaSet of a Deployment is named `<deployment>-<pod-template-hash>`. */
function ownerOf(references: unknown[], labels: Record<string, string>): TracedPod['owner'] {
  const owner = fields(references.find(each => fields(each).controller === true))
  const [kind, name] = [text(owner.kind), text(owner.name)]
  if (kind === undefined || name === undefined) return undefined
  const hash = labels['pod-template-hash']
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
  }
  return { kind, name }
}

function texts(value: unknown): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [key, each] of Object.entries(fields(value))) if (typeof each === 'string') found[key] = each
  return found
}
