import { systemUsage } from '../../kubelet/endpoints/node-measurement.ts'
import { nodeFacts, podFacts } from '../../kubelet/objects/object-facts.ts'
import { createUsageObjects, usageObject } from '../../kubelet/usage/usage-objects.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import { type Bounds, boundsOf, type Figures, type UsageWindow } from './usage-bounds.ts'

/** How often an expression is evaluated in a window: KWOK keeps each result for as long. */
const STEP_MS = 10_000

/**
 * The usage in KWOK's own metrics, by pod UID and container, in cores or bytes: the values of usage objects, and 0
 * without one. KWOK counts every pod on a node, finished ones too, and ignores limits.
 */
export function kwokUsage(snapshot: ClusterSnapshot, resource: 'cpu' | 'memory', window: UsageWindow): Figures {
  const objects = createUsageObjects(() => {})
  for (const { kind, raw } of snapshot.usageObjects) {
    const object = usageObject(kind, raw, 'kwok')
    if (object !== undefined) objects.set(object)
  }
  const nodes = new Map(snapshot.nodes.map(({ name, raw }) => [name, nodeFacts(raw)]))
  const beginMs = window.untilMs - (window.lengthMs ?? 0) - window.lateMs
  const times: number[] = []
  for (let atMs = beginMs; atMs <= window.untilMs; atMs += STEP_MS) times.push(atMs)
  const unit = resource === 'cpu' ? 1e9 : 1
  const all = new Map<string, Map<string, Bounds>>()
  for (const { raw } of snapshot.pods) {
    const facts = podFacts(raw)
    if (facts === undefined) continue
    const isYoung = facts.startMs > beginMs
    const containers = facts.containers.map(container => {
      const usage = objects.usageOf(facts, container, resource, nodes.get(facts.nodeName)) ?? 0
      const { least, most } = boundsOf(typeof usage === 'number' ? [usage] : times.map(timeMs => usage.at(timeMs) ?? 0))
      const bounds = { least: least / unit, most: most / unit }
      return [container.name, isYoung ? { least: 0, most: 2 * bounds.most, mayBeAbsent: true } : bounds] as const
    })
    all.set(facts.uid, new Map(containers))
  }
  return all
}

/**
 * What KWOK's own metrics add for the kubelet and container runtime of each node
 * (kwok-config/kwok-resource-metrics.yaml).
 */
export function kwokSystemUsage(resource: 'cpu' | 'memory'): Bounds {
  const { kubelet, runtime } = systemUsage
  const value = resource === 'cpu' ? (kubelet.nanoCores + runtime.nanoCores) / 1e9 : kubelet.bytes + runtime.bytes
  return { least: value, most: value }
}
