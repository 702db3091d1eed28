import { systemUsage } from '../../kubelet/endpoints/node-measurement.ts'
import { nodeFacts, podFacts } from '../../kubelet/objects/object-facts.ts'
import { createUsageObjects, usageObject } from '../../kubelet/usage/usage-objects.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import { type Bounds, boundsOf, type Figures, type UsageWindow } from './usage-bounds.ts'

/** So often within a window an expression is asked: as long as its answer holds. */
const STEP_MS = 10_000

/**
 * What KWOK's own metrics have to say, by UID of the pod and name of the container: what usage objects say of it, in cores or bytes, and nothing
 * where they say nothing. KWOK asks for every pod that is on a node, also one that has ended, and knows no limits.
 */
export function saidUsage(snapshot: ClusterSnapshot, resource: 'cpu' | 'memory', window: UsageWindow): Figures {
  const objects = createUsageObjects(() => {})
  for (const { kind, raw } of snapshot.usageObjects) {
    const object = usageObject(kind, raw)
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
      const said = objects.usageOf(facts, container, resource, nodes.get(facts.nodeName)) ?? 0
      const { least, most } = boundsOf(typeof said === 'number' ? [said] : times.map(timeMs => said.at(timeMs) ?? 0))
      const bounds = { least: least / unit, most: most / unit }
      return [container.name, isYoung ? { least: 0, most: 2 * bounds.most, mayLack: true } : bounds] as const
    })
    all.set(facts.uid, new Map(containers))
  }
  return all
}

/** What KWOK's own metrics add for each node's kubelet and container runtime (kwok-config/kwok-resource-metrics.yaml). */
export function saidSystem(resource: 'cpu' | 'memory'): Bounds {
  const { kubelet, runtime } = systemUsage
  const value = resource === 'cpu' ? (kubelet.nanoCores + runtime.nanoCores) / 1e9 : kubelet.bytes + runtime.bytes
  return { least: value, most: value }
}
