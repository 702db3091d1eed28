import { podListText } from '../objects/pod-document.ts'
import type { NodeEntry, StatsStore } from '../store/stats-store.ts'
import { cadvisorMetrics } from './cadvisor-metrics.ts'
import { EXPOSITION_TYPE } from './exposition.ts'
import { healthMetricsText } from './health-metrics.ts'
import type { Answer } from './http-answer.ts'
import { kubeletConfigText } from './kubelet-config.ts'
import { kubeletMetricsText } from './kubelet-metrics.ts'
import { type MeasuredNode, measureNode } from './node-measurement.ts'
import { probeMetricsText } from './probe-metrics.ts'
import { resourceMetricsText } from './resource-metrics.ts'
import { buildSummary } from './stats-summary.ts'

/** A document of a node's kubelet. `write` returns undefined for an unknown node. */
export interface NodeDocument {
  write: (node: string, store: StatsStore) => Answer['body'] | undefined
  contentType: string
}

const JSON_TYPE = 'application/json'

/** The documents of a node's kubelet by path, without the first slash. */
export const nodeDocuments: ReadonlyMap<string, NodeDocument> = new Map([
  ['stats/summary', { write: measured(node => JSON.stringify(buildSummary(node))), contentType: JSON_TYPE }],
  ['metrics', { write: measured(kubeletMetricsText), contentType: EXPOSITION_TYPE }],
  ['metrics/resource', { write: measured(resourceMetricsText), contentType: EXPOSITION_TYPE }],
  ['metrics/cadvisor', { write: measured(node => cadvisorMetrics(node).bytes()), contentType: EXPOSITION_TYPE }],
  ['metrics/probes', { write: measured(probeMetricsText), contentType: EXPOSITION_TYPE }],
  ['metrics/slis', { write: measured(healthMetricsText), contentType: EXPOSITION_TYPE }],
  ['pods', { write: ofNode(podsText), contentType: JSON_TYPE }],
  ['runningpods/', { write: ofNode(runningPodsText), contentType: JSON_TYPE }],
  ['configz', { write: ofNode(({ facts }) => kubeletConfigText(facts)), contentType: JSON_TYPE }],
  ['healthz', { write: ofNode(() => 'ok'), contentType: 'text/plain; charset=utf-8' }],
])

function measured(write: (measured: MeasuredNode, entry: NodeEntry) => Answer['body']): NodeDocument['write'] {
  return (node, store) => {
    const read = store.read(node)
    return read && write(measureNode(read.entry, read.nowMs), read.entry)
  }
}

function ofNode(write: (entry: NodeEntry) => string): NodeDocument['write'] {
  return (node, store) => {
    const entry = store.node(node)
    return entry && write(entry)
  }
}

function podsText({ pods }: NodeEntry): string {
  return podListText([...pods.values()].map(({ facts }) => facts))
}

/** What the container runtime knows of the running pods. */
function runningPodsText({ pods }: NodeEntry): string {
  const running = [...pods.values()].filter(({ facts }) => facts.running)
  return podListText(
    running.map(({ facts: { name, namespace, uid, containers } }) => {
      const spec = containers
        .filter(each => each.running)
        .map(each => ({ name: each.name, image: each.image, resources: {} }))
      return { json: JSON.stringify({ metadata: { name, namespace, uid }, spec: { containers: spec }, status: {} }) }
    }),
  )
}
