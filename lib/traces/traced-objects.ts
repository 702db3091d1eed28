import { fields, items, text } from '../kube/json.ts'

/** The kinds whose pod templates are read for whom they call, with the path of each collection. */
export const workloadPaths = {
  Deployment: '/apis/apps/v1/deployments',
  StatefulSet: '/apis/apps/v1/statefulsets',
  DaemonSet: '/apis/apps/v1/daemonsets',
} as const
export type WorkloadKind = keyof typeof workloadPaths

/** An environment variable by which a workload names one it calls. */
export interface PeerVariable {
  /** Ends in `_ADDR`. */
  name: string
  value: string
}

/** What is kept of a workload. */
export interface WorkloadFacts {
  uid: string
  kind: WorkloadKind
  namespace: string
  name: string
  /** Of its pods. */
  labels: Readonly<Record<string, string>>
  /** Of all containers, in their order; a name counts once. */
  peers: readonly PeerVariable[]
}

/** What is kept of a Service. */
export interface ServiceFacts {
  uid: string
  namespace: string
  name: string
  /** Empty when it selects no pods. */
  selector: Readonly<Record<string, string>>
  ports: readonly { port: number; protocol: Protocol }[]
}

/** How a Service is called, which decides what its spans say. */
export type Protocol = 'http' | 'grpc' | 'redis' | 'tcp'

/** What is kept of a pod for being called. */
export interface TracedPod {
  uid: string
  namespace: string
  name: string
  nodeName: string
  labels: Readonly<Record<string, string>>
  ready: boolean
  /** The workload whose pod it is; undefined for one that nobody made, or another kind. */
  owner: { kind: string; name: string } | undefined
  /** The first container's, for `k8s.container.name`. */
  containerName: string | undefined
}

/** Narrows a workload as the API gives it; undefined without UID or name. */
export function workloadFacts(kind: WorkloadKind, raw: unknown): WorkloadFacts | undefined {
  const { metadata, spec } = fields(raw)
  const [uid, name] = [text(fields(metadata).uid), text(fields(metadata).name)]
  if (uid === undefined || name === undefined) return undefined
  const template = fields(fields(spec).template)
  const peers = new Map<string, PeerVariable>()
  for (const container of items(fields(template.spec).containers)) {
    for (const each of items(fields(container).env)) {
      const variable = text(fields(each).name)
      // One that takes its value from elsewhere can't be read without more rights.
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

/** Narrows a Service as the API gives it; undefined without UID or name. */
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

/** Narrows a pod as the API gives it; undefined without UID, name or node. */
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
    // Kubernetes takes a pod that is being deleted out of its Services at once.
    ready: isReady && fields(status).phase === 'Running' && deletionTimestamp === undefined,
    owner: ownerOf(items(ownerReferences), podLabels),
    containerName: text(fields(items(fields(spec).containers)[0]).name),
  }
}

/** Whether labels are what a selector asks for. An empty selector selects nothing, as a Service's does. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)
}

/** The application protocol as a port says it in so many words, else by its number. */
function protocolOf(word: string, port: number): Protocol {
  if (/grpc/i.test(word)) return 'grpc'
  if (/redis/i.test(word) || port === 6379) return 'redis'
  if (/http|web/i.test(word) || [80, 443, 8080].includes(port)) return 'http'
  return 'tcp'
}

/** A ReplicaSet of a Deployment is named for it and for the hash that its pods carry. */
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
