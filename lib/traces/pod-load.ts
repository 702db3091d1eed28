import type { NodeFacts, PodFacts, PresetName } from '../kubelet/objects/facts.ts'
import { createTextArena } from '../kubelet/objects/text-arena.ts'
import { type ContainerUsage, containerUsage, demandAt, type UsageSources } from '../kubelet/usage/usage-model.ts'
import { createUsageObjects, type UsageObject, type UsageProblem } from '../kubelet/usage/usage-objects.ts'

/** The CPU utilisation of pods, by the usage model of the stats proxy. */
export interface PodLoads {
  setPod(facts: PodFacts): void
  deletePod(uid: string): void
  setNode(facts: NodeFacts): void
  deleteNode(uid: string): void
  setUsageObject(object: UsageObject): void
  deleteUsageObject(uid: string): void
  /**
   * The CPU usage of a pod's containers at a time (epoch) divided by their limits, else their requests, else 100m. 0 for an
   * unknown pod.
   */
  utilisation(podUid: string, timeMs: number): number
}

interface Entry {
  facts: PodFacts
  /** Computed on first use: most pods of a large cluster are never called. */
  usages?: ContainerUsage[] | undefined
  last?: { atMs: number; value: number } | undefined
}

const DEFAULT_NANO_CORES = 100e6
/** How long a value is reused: CPU changes slowly, and evaluating expressions takes time. */
const REUSE_MS = 1_000

/** Without pods at first. `onProblem` is called each time a usage expression fails for a pod. */
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
      // Only CPU counts here, and an expression for memory could be slow.
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
      if (objects.useNodes) clearUsage()
    },
    deleteNode: uid => nodes.delete(uid),
    setUsageObject(object) {
      objects.set(object)
      clearUsage()
    },
    deleteUsageObject(uid) {
      objects.delete(uid)
      clearUsage()
    },
    utilisation(podUid, timeMs) {
      const entry = pods.get(podUid)
      if (entry === undefined) return 0
      const { last } = entry
      if (last !== undefined && timeMs >= last.atMs && timeMs < last.atMs + REUSE_MS) return last.value
      const value = measure(entry, timeMs)
      entry.last = { atMs: timeMs, value }
      return value
    },
  }

  function measure(entry: Entry, timeMs: number): number {
    const { containers } = entry.facts
    entry.usages ??= containers.map(container => containerUsage(entry.facts, container, sources))
    let used = 0
    let available = 0
    for (const [at, { cpu, cpuLimitNanoCores }] of entry.usages.entries()) {
      used += Math.min(demandAt(cpu, timeMs), cpuLimitNanoCores)
      available += Number.isFinite(cpuLimitNanoCores)
        ? cpuLimitNanoCores
        : (containers[at]?.cpuRequestNanoCores ?? DEFAULT_NANO_CORES)
    }
    return available > 0 ? used / available : 0
  }

  function clearUsage(): void {
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
