import type { NodeFacts, PodFacts, PresetName } from '../kubelet/objects/facts.ts'
import { createTextArena } from '../kubelet/objects/text-arena.ts'
import { type ContainerUsage, containerUsage, demandAt, type UsageSources } from '../kubelet/usage/usage-model.ts'
import { createUsageObjects, type UsageObject, type UsageProblem } from '../kubelet/usage/usage-objects.ts'

/** The CPU utilisation of pods, by the usage model of the stats proxy. */
export type PodLoads = ReturnType<typeof createPodLoads>

interface Entry {
  facts: PodFacts
  /** Computed on first use: most pods of a large cluster are never called. */
  usages?: ContainerUsage[]
  last?: { atMs: number; value: number }
}

const DEFAULT_NANO_CORES = 100e6
/** How long a value is reused: CPU changes slowly, and evaluating expressions takes time. */
const REUSE_MS = 1_000

/** Without pods at first. `onProblem` is called each time a usage expression fails for a pod. */
export function createPodLoads(options: {
  preset: PresetName
  onProblem?: (pod: PodFacts, problem: UsageProblem) => void
}) {
  const pods = new Map<string, Entry>()
  const nodes = new Map<string, NodeFacts>()
  const documents = createTextArena()
  const objects = createUsageObjects((pod, problem) => options.onProblem?.(pod, problem))
  const sources: UsageSources = {
    preset: options.preset,
    // Only CPU counts here, and an expression for memory could be slow.
    fromObjects: (pod, container, resource) =>
      resource === 'cpu' ? objects.usageOf(pod, container, resource, nodeOf(pod)) : undefined,
  }

  return {
    setPod(facts: PodFacts) {
      const before = pods.get(facts.uid)
      const json = documents.keep(facts.json.toString())
      if (before !== undefined) documents.release(before.facts.json)
      pods.set(facts.uid, { facts: { ...facts, json } })
    },
    deletePod(uid: string) {
      const entry = pods.get(uid)
      if (entry !== undefined) documents.release(entry.facts.json)
      pods.delete(uid)
    },
    setNode(facts: NodeFacts) {
      nodes.set(facts.uid, facts)
      if (objects.useNodes) clearUsage()
    },
    deleteNode: (uid: string) => nodes.delete(uid),
    setUsageObject(object: UsageObject) {
      objects.set(object)
      clearUsage()
    },
    deleteUsageObject(uid: string) {
      objects.delete(uid)
      clearUsage()
    },
    /**
     * The CPU usage of a pod's containers at a time (epoch) divided by their limits, else their requests, else 100m. 0 for an
     * unknown pod.
     */
    utilisation(podUid: string, timeMs: number): number {
      const entry = pods.get(podUid)
      if (entry === undefined) return 0
      const ageMs = timeMs - (entry.last?.atMs ?? Number.NEGATIVE_INFINITY)
      if (entry.last === undefined || ageMs < 0 || ageMs >= REUSE_MS)
        entry.last = { atMs: timeMs, value: measure(entry, timeMs) }
      return entry.last.value
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
    for (const [uid, { facts }] of pods) pods.set(uid, { facts })
  }

  function nodeOf({ nodeName }: PodFacts): NodeFacts | undefined {
    if (!objects.useNodes) return undefined
    return [...nodes.values()].find(({ name }) => name === nodeName)
  }
}
