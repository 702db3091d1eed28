import type { KubeResponse } from '../../../../lib/kube/api-client.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { nodeFacts, podFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'

/** The cluster's name, and the collection interval of all that was measured. */
export const CLUSTER = 'unit'
export const SCRAPE_MS = 10_000
/** So long ago everything began, in samples. */
const SAMPLES = 66
const BEGAN = new Date(Date.now() - 3 * 3_600_000).toISOString()

/** And goes on for so many more, as tests last a while: minutes on a busy machine. */
const AHEAD = 36

/** Labels without the cluster's. */
type Labels = Record<string, string>

/** Two nodes, and on them a Deployment of four pods, a DaemonSet, and in another namespace a single pod; a quota on one. */
export function clusterObjects(): Record<string, unknown[]> {
  const nodes = ['node-a', 'node-b'].map(name => ({
    metadata: {
      ...{ name, uid: `uid-${name}`, creationTimestamp: BEGAN },
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      capacity: { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '100Gi' },
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'DiskPressure', status: 'False' },
      ],
    },
  }))
  const web = ['web-1', 'web-2', 'web-3', 'web-4'].map((name, at) =>
    pod({ name, namespace: 'shop', node: at < 3 ? 'node-a' : 'node-b', owner: ['ReplicaSet', 'web-5d8f', 'uid-rs'] }),
  )
  const agents = ['node-a', 'node-b'].map(node =>
    pod({ name: `agent-${node}`, namespace: 'system', node, owner: ['DaemonSet', 'agent', 'uid-ds'] }),
  )
  return {
    '/api/v1/nodes': nodes,
    '/api/v1/pods': [...web, ...agents, pod({ name: 'alone', namespace: 'system', node: 'node-b' })],
    '/api/v1/namespaces': ['shop', 'system'].map(name => ({ metadata: { name } })),
    '/api/v1/resourcequotas': [
      {
        metadata: { name: 'shop', namespace: 'shop' },
        status: { hard: { 'requests.cpu': '2', 'limits.memory': '4Gi' } },
      },
    ],
    '/apis/autoscaling/v2/horizontalpodautoscalers': [
      {
        metadata: { name: 'web', namespace: 'shop' },
        spec: { maxReplicas: 9 },
        status: { currentReplicas: 4, desiredReplicas: 5 },
      },
    ],
    '/apis/apps/v1/replicasets': [
      {
        metadata: {
          ...{ name: 'web-5d8f', namespace: 'shop', uid: 'uid-rs' },
          ownerReferences: [{ kind: 'Deployment', name: 'web', uid: 'uid-d', controller: true }],
        },
      },
    ],
  }
}

function pod(given: { name: string; namespace: string; node: string; owner?: [string, string, string] }): unknown {
  const { name, namespace, node, owner } = given
  const [kind, ownerName, uid] = owner ?? []
  const running = { running: { startedAt: BEGAN } }
  return {
    metadata: {
      ...{ name, namespace, uid: `uid-${namespace}-${name}`, creationTimestamp: BEGAN },
      ...(owner === undefined ? {} : { ownerReferences: [{ kind, name: ownerName, uid, controller: true }] }),
    },
    spec: {
      nodeName: node,
      ...(name === 'alone' ? { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] } : {}),
      containers: ['app', 'sidecar'].map((container, at) => ({
        name: container,
        resources: {
          requests: { cpu: at === 0 ? '200m' : '50m', memory: at === 0 ? '256Mi' : '64Mi' },
          ...(namespace === 'shop' ? { limits: { cpu: '1', memory: '512Mi' } } : {}),
        },
      })),
    },
    status: {
      ...{ phase: 'Running', startTime: BEGAN },
      containerStatuses: ['app', 'sidecar'].map(container => ({
        ...{ name: container, state: running, restartCount: name === 'alone' && container === 'app' ? 3 : 0 },
      })),
    },
  }
}

/** An API that has these objects and nothing else. */
export function fakeApi(objects: Record<string, unknown[]>): {
  request: (method: string, path: string) => Promise<KubeResponse>
} {
  return {
    async request(_method, path) {
      const found = objects[path.split('?')[0] ?? '']
      return found === undefined ? { status: 404, body: {} } : { status: 200, body: { items: found, metadata: {} } }
    },
  }
}

/**
 * What a collector measures of the cluster before and some minutes after a time, as OpenMetrics lines: pods, nodes and containers from a
 * stats store, requests and limits from the objects; and some of it as kubelets and kube-state-metrics serve it. Also a pod that was deleted
 * three minutes ago.
 */
export function measured(
  objects: Record<string, unknown[]>,
  untilMs: number,
  { nodeOf = (node: string) => node, ahead = AHEAD } = {},
): string[] {
  const store = createStore()
  for (const raw of objects['/api/v1/nodes'] ?? []) {
    const facts = nodeFacts(raw)
    if (facts !== undefined) store.setNode(facts)
  }
  const pods = (objects['/api/v1/pods'] ?? []).flatMap(raw => podFacts(raw) ?? [])
  for (const facts of pods) store.setPod(facts)
  const series = new Map<string, string[]>()
  const put = (name: string, labels: Labels, value: number, timeMs: number, clusterLabel = 'k8s_cluster_name') => {
    const pairs = Object.entries({ [clusterLabel]: CLUSTER, ...labels }).map(([key, text]) => `${key}="${text}"`)
    const key = `${name}{${pairs.join(',')}}`
    const lines = series.get(key) ?? []
    lines.push(`${key} ${value} ${timeMs / 1_000}`)
    series.set(key, lines)
  }
  for (let at = SAMPLES; at >= -ahead; at--) {
    // Collected some seconds before the query, as it happens to be.
    const timeMs = untilMs - 3_000 - at * SCRAPE_MS
    put('up', { job: 'kwok-controller' }, 1, timeMs)
    put('idle_requests_total', { job: 'kwok-controller' }, 0, timeMs)
    put('idle_errors_total', { job: 'kwok-controller' }, 0, timeMs)
    if (at > 18) {
      const gone = { k8s_namespace_name: 'shop', k8s_pod_name: 'web-gone', k8s_node_name: 'node-a' }
      put('k8s_pod_phase', gone, 2, timeMs)
    }
    for (const name of store.nodeNames()) {
      const entry = store.node(name)
      if (entry === undefined) continue
      const node = measureNode(entry, timeMs)
      const ofNode = { k8s_node_name: nodeOf(name) }
      put('node_cpu_seconds_total', { instance: name, mode: 'idle' }, timeMs / 1_000, timeMs, 'cluster')
      put('k8s_node_condition_ready', ofNode, 1, timeMs)
      put('k8s_node_allocatable_cpu', ofNode, 4, timeMs)
      put('k8s_node_cpu_time_seconds_total', ofNode, node.total.usageCoreNanoSeconds / 1e9, timeMs)
      for (const { facts, containers, total, traffic } of node.pods) {
        const labels = { k8s_namespace_name: facts.namespace, k8s_pod_name: facts.name, ...ofNode }
        put('k8s_pod_phase', labels, 2, timeMs)
        put('k8s_pod_cpu_time_seconds_total', labels, total.usageCoreNanoSeconds / 1e9, timeMs)
        put('k8s_pod_network_io_bytes_total', { ...labels, direction: 'receive' }, traffic.rxBytes, timeMs)
        const scraped = { namespace: facts.namespace, pod: facts.name, node: nodeOf(name) }
        const cadvisor = { ...scraped, job: 'kubelet', metrics_path: '/metrics/cadvisor' }
        put('kube_pod_info', scraped, 1, timeMs, 'cluster')
        put('container_cpu_usage_seconds_total', cadvisor, total.usageCoreNanoSeconds / 1e9, timeMs, 'cluster')
        containers.forEach((sample, index) => {
          const container = facts.containers[index]
          const own = { ...labels, k8s_container_name: container?.name ?? '' }
          put('container_cpu_time_seconds_total', own, sample.usageCoreNanoSeconds / 1e9, timeMs)
          put('container_memory_working_set_bytes', own, sample.workingSetBytes, timeMs)
          const same = { ...cadvisor, container: container?.name ?? '' }
          put('container_memory_working_set_bytes', same, sample.workingSetBytes, timeMs, 'cluster')
          put('k8s_container_cpu_request', own, (container?.cpuRequestNanoCores ?? 0) / 1e9, timeMs)
          const limit = container?.memoryLimitBytes
          if (limit !== undefined) put('k8s_container_memory_limit_bytes', own, limit, timeMs)
        })
      }
    }
    put('k8s_resource_quota_hard_limit', { k8s_namespace_name: 'shop', resource: 'requests.cpu' }, 2_000, timeMs)
  }
  // A metric's lines have to stand together.
  return [...series].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, lines]) => lines)
}
