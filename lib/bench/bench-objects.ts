import { createHash } from 'node:crypto'

/** A Node as the API returns it, of the size that the lab creates. */
export function benchNode(index: number): unknown {
  const name = `kwok-node-${String(index).padStart(4, '0')}`
  const capacity = { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' }
  return {
    metadata: { uid: uidOf(name), name, creationTimestamp: '2026-01-01T00:00:00Z', labels: { type: 'kwok' } },
    status: { capacity, allocatable: capacity, nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' } },
  }
}

/** A running Pod of two containers, with the fields that the API and KWOK add: about 4 kB of JSON. */
export function benchPod(index: number, nodeIndex: number): unknown {
  const name = `load-${String(index).padStart(6, '0')}`
  const startedAt = '2026-01-01T00:00:00Z'
  const token = { name: 'kube-api-access', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
  const container = (each: string, cpu: string, memory: string) => ({
    name: each,
    image: `registry.example/load/${each}:1.4.2`,
    resources: { requests: { cpu, memory }, limits: { cpu: '250m', memory: '256Mi' } },
    volumeMounts: [token],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  })
  const status = (each: string) => ({
    name: each,
    state: { running: { startedAt } },
    lastState: {},
    ready: true,
    restartCount: 0,
    image: `registry.example/load/${each}:1.4.2`,
    imageID: '',
    started: true,
  })
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: startedAt })
  return {
    metadata: {
      name,
      namespace: `team-${'abcd'[index % 4]}`,
      uid: uidOf(name),
      resourceVersion: String(index),
      creationTimestamp: startedAt,
      labels: { 'app.kubernetes.io/name': 'load', 'app.kubernetes.io/part-of': 'kube-otel-lab' },
      managedFields: [{ manager: 'kube-scheduler', operation: 'Update', fieldsV1: { 'f:status': { 'f:phase': {} } } }],
    },
    spec: {
      containers: [container('app', '50m', '64Mi'), container('sidecar', '10m', '16Mi')],
      volumes: [{ name: 'kube-api-access', projected: { sources: [], defaultMode: 420 } }],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      nodeName: `kwok-node-${String(nodeIndex).padStart(4, '0')}`,
      schedulerName: 'default-scheduler',
      tolerations: ['not-ready', 'unreachable'].map(each => ({
        key: `node.kubernetes.io/${each}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
    status: {
      phase: 'Running',
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(condition),
      hostIP: '192.0.2.1',
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }],
      startTime: startedAt,
      containerStatuses: [status('app'), status('sidecar')],
      qosClass: 'Burstable',
    },
  }
}

function uidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
