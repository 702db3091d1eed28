import { podListText } from '../objects/pod-document.ts'
import type { StatsStore } from '../store/stats-store.ts'
import { cadvisorText } from './cadvisor-metrics.ts'
import { EXPOSITION_TYPE } from './exposition.ts'
import { type MeasuredNode, measureNode } from './node-measurement.ts'
import { probeMetricsText } from './probe-metrics.ts'
import { resourceMetricsText } from './resource-metrics.ts'
import { buildSummary } from './stats-summary.ts'

/** A document of a node's kubelet. `write` returns undefined for an unknown node. */
export interface NodeDocument {
  write: (node: string, store: StatsStore) => string | undefined
  contentType: string
}

const JSON_TYPE = 'application/json'

/** The documents of a node's kubelet by path, without the first slash. */
export const nodeDocuments: ReadonlyMap<string, NodeDocument> = new Map([
  ['stats/summary', { write: measured(node => JSON.stringify(buildSummary(node))), contentType: JSON_TYPE }],
  ['metrics/resource', { write: measured(resourceMetricsText), contentType: EXPOSITION_TYPE }],
  ['metrics/cadvisor', { write: measured(cadvisorText), contentType: EXPOSITION_TYPE }],
  ['metrics/probes', { write: measured(probeMetricsText), contentType: EXPOSITION_TYPE }],
  ['pods', { write: podList, contentType: JSON_TYPE }],
  ['healthz', { write: (node, store) => store.node(node) && 'ok', contentType: 'text/plain; charset=utf-8' }],
])

function measured(write: (measured: MeasuredNode) => string): NodeDocument['write'] {
  return (node, store) => {
    const read = store.read(node)
    return read && write(measureNode(read.entry, read.nowMs))
  }
}

function podList(node: string, store: StatsStore): string | undefined {
  const entry = store.node(node)
  return entry && podListText([...entry.pods.values()].map(({ facts }) => facts))
}
