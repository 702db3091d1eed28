import { kubeletSlow, networkErrors, refusesScrapes } from '../../lab/manifest.ts'
import { coresOf, coreTimesAt } from '../counters/core-times.ts'
import { type CountedNode, type CounterState, createCounterMemory, nodeChanges } from '../counters/counter-memory.ts'
import { changeUsage, createPodMeter, isSampled, type PodMeter, settle } from '../counters/pod-counters.ts'
import { addRetired, countFaults, noRetiredPods, type RetiredPods, retirePod } from '../counters/retired-pods.ts'
import type { StateChange } from '../counters/state-log.ts'
import type { BadAnnotation, NodeFacts, PodFacts, PresetName } from '../objects/facts.ts'
import { createTextArena } from '../objects/text-arena.ts'
import type { UsageSources } from '../usage/usage-model.ts'
import { createUsageObjects, matches, type UsageObject, type UsageProblem } from '../usage/usage-objects.ts'

interface PodEntry {
  facts: PodFacts
  /** Defined for a pod that runs or has run. */
  meter?: PodMeter | undefined
}

/** A node name with the pods bound to it; the Node itself may be unknown. */
interface NodeSlot {
  readonly name: string
  facts: NodeFacts | undefined
  /** By UID, in any phase. */
  readonly pods: Map<string, PodEntry>
  /** The pods whose counters depend on when they are read. */
  readonly sampled: Map<string, PodEntry>
  retired: RetiredPods
  /** Nothing of it is served. */
  isPaused: boolean
}

/** A slot with a Node. */
export type NodeEntry = NodeSlot & { facts: NodeFacts }

/**
 * The watch cache: nodes, their pods, and the counters of both. Reading a node costs in proportion to its own pods, and needs no call
 * to the API.
 */
export type StatsStore = ReturnType<typeof createStore>

export interface StoreOptions {
  clock?: () => number
  /** Called for each invalid annotation, once while the pod has it. */
  onBadAnnotation?: (pod: PodFacts, annotation: BadAnnotation) => void
  /** Called each time an expression fails for a pod. */
  onUsageProblem?: (pod: PodFacts, problem: UsageProblem) => void
  /** Called when the state cannot be written. */
  onStateError?: (error: unknown) => void
  /** `USAGE_PRESET` */
  preset?: PresetName
  /** Keeps counters over restarts. */
  state?: CounterState
}

/** The counters of a node and its pods at a time (epoch), as the state file has them. */
export interface NodeCounters {
  timeMs: number
  changes: readonly StateChange[]
}

/** An empty store. Nodes and pods that are set later continue their counters from the state of an earlier process. */
export function createStore(options: StoreOptions = {}) {
  const { clock = Date.now, onBadAnnotation = () => {}, onStateError = () => {} } = options
  /** By node name, with those of unknown Nodes. */
  const slots = new Map<string, NodeSlot>()
  /** By UID. */
  const slotOfNode = new Map<string, NodeSlot>()
  const slotOfPod = new Map<string, NodeSlot>()
  const documents = createTextArena()
  const memory = createCounterMemory({ state: options.state, nodes: countedNodes, onError: onStateError })
  let latestMs = memory.restoredAtMs
  /** The latest time that another process may have served what is continued here. */
  let restoredAtMs = latestMs
  let runningPodCount = 0
  const usageObjects = createUsageObjects((pod, problem) => options.onUsageProblem?.(pod, problem))
  const sources: UsageSources = {
    preset: options.preset ?? 'steady',
    fromObjects: (pod, container, resource) =>
      usageObjects.size === 0
        ? undefined
        : usageObjects.usageOf(pod, container, resource, slots.get(pod.nodeName)?.facts),
  }

  return {
    setNode(facts: NodeFacts) {
      const slot = ensureSlot(facts.name)
      const before = slot.facts
      // A new Node of the same name is another machine, whose counters start at zero.
      if (before !== undefined && before.uid !== facts.uid) forgetNode(slot, before)
      slot.facts = facts
      slotOfNode.set(facts.uid, slot)
      if (before?.uid !== facts.uid) {
        const earlier = memory.takeNode(facts.uid)
        if (earlier !== undefined) addRetired(slot.retired, earlier)
        if (slot.pods.size > 0) memory.setNode(counted(slot))
      }
      if (usageObjects.useNodes) for (const entry of slot.pods.values()) updateMeter(entry, slot)
    },

    deleteNode(uid: string) {
      const slot = slotOfNode.get(uid)
      if (slot?.facts === undefined) return
      forgetNode(slot, slot.facts)
      dropIfEmpty(slot)
    },

    /** Takes ownership of the facts: the store replaces their document. */
    setPod(facts: PodFacts) {
      const nowMs = now()
      const slot = ensureSlot(facts.nodeName)
      const before = slot.pods.get(facts.uid)
      const oldFacts = before?.facts
      reportBadAnnotations(facts, oldFacts)
      runningPodCount += Number(facts.running) - Number(oldFacts?.running === true)
      const oldJson = oldFacts?.json
      facts.json = documents.keep(facts.json.toString())
      const entry: PodEntry = before ?? { facts, meter: memory.takePod(facts.uid) }
      entry.facts = facts
      slot.pods.set(facts.uid, entry)
      slotOfPod.set(facts.uid, slot)
      if (entry.meter !== undefined) updateMeter(entry, slot, nowMs)
      else if (facts.running) {
        entry.meter = createPodMeter(facts, nowMs, sources)
        markSampled(entry, slot)
        memory.setPod(facts.uid, slot.facts?.uid, entry.meter)
      }
      // Last, because the usage until now may depend on it.
      if (oldJson !== undefined) documents.release(oldJson)
    },

    deletePod(uid: string) {
      const slot = slotOfPod.get(uid)
      const entry = slot?.pods.get(uid)
      if (slot === undefined || entry === undefined) return
      if (entry.meter !== undefined) retire(slot, uid, entry.meter, now())
      removePod(slot, entry.facts)
    },

    setUsageObject(object: UsageObject) {
      const before = usageObjects.get(object.uid)
      usageObjects.set(object)
      updateMatching(before === undefined ? [object] : [before, object])
    },

    deleteUsageObject(uid: string) {
      const before = usageObjects.delete(uid)
      if (before !== undefined) updateMatching([before])
    },

    /**
     * Must be called when all nodes and pods have been set for the first time, or those of an adopted node: the counters of pods that are in
     * the state of an earlier process but no longer exist go to their nodes.
     */
    endRestore(nodeUid?: string) {
      for (const [uid, pod] of memory.takeRest(nodeUid)) {
        const slot = slotOfNode.get(pod.nodeUid)
        // The earlier process may have served the pod until it ended; the pod's own end is unknown.
        if (slot !== undefined) retire(slot, uid, pod.meter, restoredAtMs)
        else memory.forgetPod(uid)
      }
      memory.flush()
    },

    /** Serves a node no longer, or again. Its counters continue. The node may be set later. */
    pause(name: string, isPaused: boolean) {
      ensureSlot(name).isPaused = isPaused
    },

    /** The counters of a node, to hand it over. It must be paused, so that no later ones are served. */
    countersOf(name: string): NodeCounters | undefined {
      const slot = slots.get(name)
      if (slot?.facts === undefined) return undefined
      const timeMs = now()
      for (const { meter } of slot.sampled.values()) if (meter !== undefined) settle(meter, timeMs)
      return { timeMs, changes: [...nodeChanges(counted(slot))] }
    },

    /** Continues these counters of another process when their node and pods are set. */
    adopt({ timeMs, changes }: NodeCounters) {
      restoredAtMs = Math.max(restoredAtMs, timeMs)
      latestMs = Math.max(latestMs, timeMs)
      memory.setTime(latestMs)
      memory.adopt(changes)
      memory.flush()
    },

    /** Forgets a node and its pods, which another process serves. */
    dropNode(name: string) {
      const slot = slots.get(name)
      if (slot === undefined) return
      for (const { facts } of slot.pods.values()) {
        memory.forgetPod(facts.uid)
        removePod(slot, facts)
      }
      if (slot.facts !== undefined) forgetNode(slot, slot.facts)
      dropIfEmpty(slot)
      memory.flush()
    },

    /** Undefined for an unknown node, even if pods are bound to it, and for an unreachable one. */
    node: nodeEntry,

    /** Whether a node's kubelet accepts requests, and does not answer. */
    isSlow: (name: string): boolean => slots.get(name)?.facts?.scenario === kubeletSlow,

    /** A node to serve now. Everything its counters depend on is written to the state first. */
    read(name: string) {
      const entry = nodeEntry(name)
      if (entry === undefined) return undefined
      const nowMs = now()
      const { facts: node, retired } = entry
      const isFaulty = node.scenario === networkErrors
      if (isFaulty || retired.faultyUntilMs !== undefined) {
        countFaults(retired, isFaulty, nowMs)
        memory.setRetired(node.uid, retired)
      }
      for (const { facts, meter } of entry.sampled.values()) {
        if (meter === undefined) continue
        settle(meter, nowMs)
        memory.setPod(facts.uid, entry.facts.uid, meter)
      }
      memory.setTime(nowMs)
      memory.flush()
      return { entry, nowMs }
    },

    /** The time of each core of a node, to serve now. The store keeps it, so that no core's time decreases. */
    coreTimes({ facts, retired }: NodeEntry, measured: { startMs: number; nowMs: number; busyNs: number }) {
      const cores = coresOf(facts.cpuCapacityNanoCores)
      const servedIdleNs = retired.idleCoreNanoSeconds
      const { times, idleNs, kept } = coreTimesAt({ ...measured, cores, servedIdleNs, kept: retired.cores })
      retired.idleCoreNanoSeconds = idleNs
      retired.cores = kept
      // Saved each time: recomputed after a crash it could be less, if pods use more than the node has.
      memory.setRetired(facts.uid, retired)
      return times
    },

    /** Writes changes to the state. */
    flush: memory.flush,
    /** Milliseconds since the epoch. It never decreases, even if the machine's clock does, so counters do not decrease. */
    now,
    nodeNames: () => Array.from(slotOfNode.values(), ({ name }) => name),
    get nodeCount() {
      return slotOfNode.size
    },
    get podCount() {
      return slotOfPod.size
    },
    get runningPodCount() {
      return runningPodCount
    },
    get usageObjectCount() {
      return usageObjects.size
    },
    get stateBytes() {
      return memory.bytes
    },
  }

  function now(): number {
    latestMs = Math.max(latestMs, Math.floor(clock()))
    return latestMs
  }

  function nodeEntry(name: string): NodeEntry | undefined {
    const slot = slots.get(name)
    if (slot?.facts === undefined || slot.isPaused || refusesScrapes(slot.facts.scenario)) return undefined
    return slot as NodeEntry
  }

  function ensureSlot(name: string): NodeSlot {
    const known = slots.get(name)
    if (known !== undefined) return known
    const nothing = { facts: undefined, pods: new Map(), sampled: new Map(), retired: noRetiredPods() }
    const slot: NodeSlot = { name, ...nothing, isPaused: false }
    slots.set(name, slot)
    return slot
  }

  function dropIfEmpty({ name, facts, pods }: NodeSlot): void {
    if (facts === undefined && pods.size === 0) slots.delete(name)
  }

  function removePod(slot: NodeSlot, { uid, json, running }: PodFacts): void {
    if (running) runningPodCount--
    documents.release(json)
    slotOfPod.delete(uid)
    slot.pods.delete(uid)
    slot.sampled.delete(uid)
    dropIfEmpty(slot)
  }

  /** Removes a Node and its counters from its slot. */
  function forgetNode(slot: NodeSlot, { uid }: NodeFacts): void {
    slotOfNode.delete(uid)
    slot.facts = undefined
    slot.retired = noRetiredPods()
    memory.forgetNode(uid)
  }

  function retire(slot: NodeSlot, podUid: string, meter: PodMeter, nowMs: number): void {
    retirePod(slot.retired, meter, nowMs)
    memory.retirePod(podUid, slot.facts?.uid, slot.retired)
  }

  /** Updates a pod's meter to its current usage. */
  function updateMeter(entry: PodEntry, slot: NodeSlot, nowMs = now()): void {
    if (entry.meter === undefined) return
    const changed = changeUsage(entry.meter, entry.facts, nowMs, sources)
    markSampled(entry, slot)
    if (changed) memory.setPod(entry.facts.uid, slot.facts?.uid, entry.meter)
  }

  function markSampled(entry: PodEntry, { sampled }: NodeSlot): void {
    if (entry.meter !== undefined && isSampled(entry.meter)) sampled.set(entry.facts.uid, entry)
    else sampled.delete(entry.facts.uid)
  }

  function updateMatching(objects: UsageObject[]): void {
    for (const slot of slots.values()) {
      for (const entry of slot.pods.values()) {
        if (objects.some(object => matches(object, entry.facts))) updateMeter(entry, slot)
      }
    }
  }

  function* countedNodes(): Generator<CountedNode> {
    for (const slot of slots.values()) yield counted(slot)
  }

  function reportBadAnnotations(facts: PodFacts, before: PodFacts | undefined): void {
    for (const each of facts.badAnnotations ?? []) {
      const isKnown = before?.badAnnotations?.some(old => old.name === each.name && old.value === each.value)
      if (isKnown !== true) onBadAnnotation(facts, each)
    }
  }
}

function counted({ facts, pods, retired }: NodeSlot): CountedNode {
  return { uid: facts?.uid, retired, meters: metersOf(pods) }
}

function* metersOf(pods: ReadonlyMap<string, PodEntry>): Generator<[string, PodMeter]> {
  for (const [uid, { meter }] of pods) if (meter !== undefined) yield [uid, meter]
}
