import type { NodeFacts, PodFacts, PresetName } from '../kubelet/objects/facts.ts'
import { createTextArena } from '../kubelet/objects/text-arena.ts'
import { type ContainerUsage, containerUsage, demandAt, type UsageSources } from '../kubelet/usage/usage-model.ts'
import { createUsageObjects, type UsageObject, type UsageProblem } from '../kubelet/usage/usage-objects.ts'

/** How busy pods are, by the same model that the stats proxy serves. */
export interface PodLoads {
  setPod(facts: PodFacts): void
  deletePod(uid: string): void
  setNode(facts: NodeFacts): void
  deleteNode(uid: string): void
  setUsageObject(object: UsageObject): void
  deleteUsageObject(uid: string): void
  /**
   * The CPU that a pod's containers use at a time (epoch), as a share of what they may use: their limits, else their requests,
   * else 100m. 0 for a pod that isn't known.
   */
  utilisation(podUid: string, timeMs: number): number
}

interface Entry {
  facts: PodFacts
  /** Made when it is first asked for; most pods of a large cluster are never called. */
  usages?: ContainerUsage[] | undefined
  last?: { atMs: number; value: number } | undefined
}

const DEFAULT_NANO_CORES = 100e6
/** CPU moves slowly, and expressions are slow to ask. */
const HOLD_MS = 1_000

/** No pods yet. `onProblem` is told each time that a usage expression fails for a pod. */
export function createPodLoads(options: {
  preset: PresetName
  onProblem?: (pod: PodFacts, problem: UsageProblem) => void
}): PodLoads {
  const pods = new Map<string, Entry>()
  const nodes = new Map<string, NodeFacts>()
  const documents = createTextArena()
  const objects = createUsageObjects((pod, problem) => options.onProblem?.(pod, problem))
  const sources: UsageSources = {
    preset: options.preset,
    fromObjects: (pod, container, resource) => {
      // Only CPU matters here, and an expression for memory might be costly.
      return resource === 'cpu' ? objects.usageOf(pod, container, resource, nodeOf(pod)) : undefined
    },
  }

  return {
    setPod(facts) {
      const before = pods.get(facts.uid)
      const json = documents.keep(facts.json.toString())
      if (before !== undefined) documents.release(before.facts.json)
      pods.set(facts.uid, { facts: { ...facts, json } })
    },
    deletePod(uid) {
      const entry = pods.get(uid)
      if (entry !== undefined) documents.release(entry.facts.json)
      pods.delete(uid)
    },
    setNode(facts) {
      nodes.set(facts.uid, facts)
      if (objects.useNodes) forget()
    },
    deleteNode: uid => nodes.delete(uid),
    setUsageObject(object) {
      objects.set(object)
      forget()
    },
    deleteUsageObject(uid) {
      objects.delete(uid)
      forget()
    },
    utilisation(podUid, timeMs) {
      const entry = pods.get(podUid)
      if (entry === undefined) return 0
      const { last } = entry
      if (last !== undefined && timeMs >= last.atMs && timeMs < last.atMs + HOLD_MS) return last.value
      const value = measure(entry, timeMs)
      entry.last = { atMs: timeMs, value }
      return value
    },
  }

  function measure(entry: Entry, timeMs: number): number {
    const { containers } = entry.facts
    entry.usages ??= containers.map(container => containerUsage(entry.facts, container, sources))
    let used = 0
    let most = 0
    for (const [at, { cpu, cpuLimitNanoCores }] of entry.usages.entries()) {
      used += Math.min(demandAt(cpu, timeMs), cpuLimitNanoCores)
      most += Number.isFinite(cpuLimitNanoCores)
        ? cpuLimitNanoCores
        : (containers[at]?.cpuRequestNanoCores ?? DEFAULT_NANO_CORES)
    }
    return most > 0 ? used / most : 0
  }

  function forget(): void {
    for (const entry of pods.values()) {
      entry.usages = undefined
      entry.last = undefined
    }
  }

  function nodeOf({ nodeName }: PodFacts): NodeFacts | undefined {
    if (!objects.useNodes) return undefined
    for (const node of nodes.values()) if (node.name === nodeName) return node
    return undefined
  }
}
