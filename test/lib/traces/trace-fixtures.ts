import { createTracedCluster, type TracedCluster } from '../../../lib/traces/traced-cluster.ts'
import {
  type ServiceFacts,
  serviceFacts,
  type TracedPod,
  tracedPod,
  type WorkloadFacts,
  workloadFacts,
} from '../../../lib/traces/traced-objects.ts'
import { there } from '../kubelet/kubelet-fixtures.ts'

/** A Deployment as the API gives it, whose one container has these variables. */
export function rawWorkload(name: string, env: Record<string, string> = {}, namespace = 'shop'): unknown {
  return {
    metadata: { uid: `workload-${namespace}-${name}`, name, namespace },
    spec: {
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'server', env: Object.entries(env).map(([key, value]) => ({ name: key, value })) }],
        },
      },
    },
  }
}

export function workload(name: string, env: Record<string, string> = {}, namespace = 'shop'): WorkloadFacts {
  return there(workloadFacts('Deployment', rawWorkload(name, env, namespace)))
}

/** A Service of the workload of that name. */
export function service(name: string, port: Record<string, unknown> = { name: 'grpc', port: 80 }, namespace = 'shop') {
  const metadata = { uid: `service-${namespace}-${name}`, name, namespace }
  return there(serviceFacts({ metadata, spec: { selector: { app: name }, ports: [port] } })) as ServiceFacts
}

/** A pod of the Deployment of that name as the API gives it. */
export function rawPod(name: string, index = 0, change: { ready?: boolean; deleted?: boolean } = {}): unknown {
  return {
    metadata: {
      uid: `pod-${name}-${index}`,
      name: `${name}-5f7-${index}`,
      namespace: 'shop',
      labels: { app: name, 'pod-template-hash': '5f7' },
      ownerReferences: [{ kind: 'ReplicaSet', name: `${name}-5f7`, controller: true }],
      ...(change.deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName: `node-${index}`, containers: [{ name: 'server' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: change.ready === false ? 'False' : 'True' }] },
  }
}

export function pod(name: string, index = 0, change: { ready?: boolean; deleted?: boolean } = {}): TracedPod {
  return there(tracedPod(rawPod(name, index, change)))
}

/** A cluster with a Deployment, a Service and two pods of each name; each calls those that are listed for it. */
export function clusterOf(calls: Record<string, string[]>, pods = 2): TracedCluster {
  const cluster = createTracedCluster()
  for (const [name, peers] of Object.entries(calls)) {
    cluster.setWorkload(
      workload(name, Object.fromEntries(peers.map(peer => [`${peer.toUpperCase()}_ADDR`, `${peer}:80`]))),
    )
    cluster.setService(service(name))
    for (let index = 0; index < pods; index++) cluster.setPod(pod(name, index))
  }
  return cluster
}

/** A chance that goes the same way each time (mulberry32). */
export function seeded(seed = 1): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}
