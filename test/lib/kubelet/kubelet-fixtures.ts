import type { NodeFacts, PodFacts } from '../../../lib/kubelet/objects/facts.ts'
import { nodeFacts, podFacts } from '../../../lib/kubelet/objects/object-facts.ts'

const START = '2026-01-01T00:00:00Z'

/** When the pods and nodes below started (epoch). */
export const START_MS = Date.parse(START)

interface PodChange {
  uid?: string
  name?: string
  phase?: string
  nodeName?: string
  annotations?: Record<string, string>
  containers?: unknown[]
  initContainers?: unknown[]
  containerStatuses?: unknown[]
  hostNetwork?: boolean
  startTime?: string
}

/** A Pod as the API gives it: two containers, the second without resources, a claim, an emptyDir and a token. */
export function rawPod(change: PodChange = {}): unknown {
  const { uid = 'uid-web', name = 'web', phase = 'Running', nodeName = 'node-0', annotations = {} } = change
  const state = { running: { startedAt: START } }
  return {
    metadata: { uid, name, namespace: 'shop', creationTimestamp: START, annotations },
    spec: {
      nodeName,
      hostNetwork: change.hostNetwork,
      containers: change.containers ?? [
        {
          name: 'app',
          resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
        },
        { name: 'proxy' },
      ],
      initContainers: change.initContainers,
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'data-web' } },
        { name: 'scratch', emptyDir: { sizeLimit: '1Mi' } },
        { name: 'host', hostPath: { path: '/' } },
        { name: 'token', projected: { sources: [] } },
      ],
    },
    status: {
      phase,
      qosClass: 'Burstable',
      startTime: change.startTime ?? START,
      containerStatuses: change.containerStatuses ?? [
        { name: 'app', state },
        { name: 'proxy', state },
      ],
    },
  }
}

/** A Node of 32Gi and 100Gi. */
export function rawNode({ uid = 'uid-node-0', name = 'node-0', annotations = {} } = {}): unknown {
  return {
    metadata: { uid, name, annotations, creationTimestamp: START },
    status: { capacity: { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' } },
  }
}

export function pod(change: PodChange = {}): PodFacts {
  return there(podFacts(rawPod(change)))
}

export function node(change: { uid?: string; name?: string } = {}): NodeFacts {
  return there(nodeFacts(rawNode(change)))
}

/** The value, which must be there. */
export function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is nothing')
  return value
}
