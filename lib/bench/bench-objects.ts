import { createHash } from 'node:crypto'
import { nodeManifest, nodeName, readNodeTemplate } from '../kwok/nodes.ts'
import { podManifest, readPodTemplate } from '../kwok/pods.ts'

const nodeTemplate = readNodeTemplate()
const podTemplate = readPodTemplate()
const STARTED_AT = '2026-01-01T00:00:00Z'

/** A Node of the lab as the API returns it. */
export function benchNode(index: number): unknown {
  const manifest = nodeManifest(nodeTemplate, index, 8)
  return { ...manifest, metadata: { ...manifest.metadata, ...metadataOf(manifest.metadata.name) } }
}

/** A running Pod of the lab as the API returns it, with the status that KWOK sets. */
export function benchPod(index: number, nodeIndex: number): unknown {
  const manifest = podManifest(podTemplate, index, nodeName(nodeTemplate, nodeIndex))
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled']
  const state = { running: { startedAt: STARTED_AT } }
  return {
    ...manifest,
    metadata: { ...manifest.metadata, ...metadataOf(manifest.metadata.name) },
    status: {
      phase: 'Running',
      conditions: conditions.map(type => ({ type, status: 'True', lastTransitionTime: STARTED_AT })),
      podIPs: [{ ip: '10.0.0.1' }],
      startTime: STARTED_AT,
      containerStatuses: ['app', 'sidecar'].map(name => ({ name, state, ready: true, restartCount: 0 })),
      qosClass: 'Burstable',
    },
  }
}

function metadataOf(name: string): { uid: string; creationTimestamp: string } {
  const hex = createHash('sha256').update(name).digest('hex')
  const uid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
  return { uid, creationTimestamp: STARTED_AT }
}
