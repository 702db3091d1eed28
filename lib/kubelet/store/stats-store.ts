import { type CoreTime, coresOf, coreTimesAt } from '../counters/core-times.ts'
import { type CountedNode, type CounterState, createCounterMemory } from '../counters/counter-memory.ts'
import { changeUsage, createPodMeter, isSampled, type PodMeter, settle } from '../counters/pod-counters.ts'
import { addRetired, noRetiredPods, retirePod } from '../counters/retired-pods.ts'
import type { BadAnnotation, NodeFacts, PodFacts, PresetName } from '../objects/facts.ts'
import { createTextArena } from '../objects/text-arena.ts'
import type { UsageSources } from '../usage/usage-model.ts'
import { createUsageObjects, matches, type UsageObject, type UsageProblem } from '../usage/usage-objects.ts'
import { createNodeIndex, type NodeSlot, type PodEntry } from './node-index.ts'

/** A node that is there. */
export type NodeEntry = NodeSlot & { facts: NodeFacts }

/** Nodes and their pods, indexed so that a node's figures cost what its own pods cost. */
export interface StatsStore {
  setNode(facts: NodeFacts): void
  deleteNode(uid: string): void
  /** Takes the facts over: their document is the store's from then on. */
  setPod(facts: PodFacts): void
  deletePod(uid: string): void
  setUsageObject(object: UsageObject): void
  deleteUsageObject(uid: string): void
  /**
   * To be told when all nodes and pods have been set for the first time: pods that the state of an earlier process has and
   * that are gone leave their counters to their nodes.
   */
  endRestore(): void
  /** Undefined for a node that isn't there, also when pods are bound to it. */
  node(name: string): NodeEntry | undefined
  /** A node for being served now: before it is given, all that its counters depend on has been written to the state. */
  read(name: string): { entry: NodeEntry; nowMs: number } | undefined
  /** The time of each core of a node, which is about to be told and so remembered: no core's is ever less than before. */
  coreTimes(entry: NodeEntry, measured: { startMs: number; nowMs: number; busyNs: number }): CoreTime[]
  /** Writes what is to be remembered. */
  flush(): void
  /** Milliseconds since the epoch; never goes back, whatever the machine's clock does, so no counter can. */
  now(): number
  nodeNames(): string[]
  readonly nodeCount: number
  readonly podCount: number
  readonly runningPodCount: number
  readonly usageObjectCount: number
  readonly stateBytes: number
}

export interface StoreOptions {
  clock?: () => number
  /** Told of each annotation that can't be used, once for as long as the pod carries it; the pod counts as if it had none. */
  onBadAnnotation?: (pod: PodFacts, annotation: BadAnnotation) => void
  /** Told each time that an expression fails for a pod. */
  onUsageProblem?: (pod: PodFacts, problem: UsageProblem) => void
  /** Told when the state can't be written. */
  onStateError?: (error: unknown) => void
  /** `USAGE_PRESET` */
  preset?: PresetName
  /** Where counters are remembered over restarts. */
  state?: CounterState
}

/** A store with nothing in it but, of what is set later, the counters of an earlier process. */
export function createStore(options: StoreOptions = {}): StatsStore {
  const { clock = Date.now, onBadAnnotation = () => {}, onStateError = () => {} } = options
  const index = createNodeIndex()
  const documents = createTextArena()
  const memory = createCounterMemory({ state: options.state, nodes: countedNodes, onError: onStateError })
  let latestMs = memory.restoredAtMs
  let runningPodCount = 0
  const usageObjects = createUsageObjects((pod, problem) => options.onUsageProblem?.(pod, problem))
  const sources: UsageSources = {
    preset: options.preset ?? 'steady',
    fromObjects: (pod, container, resource) =>
      usageObjects.size === 0
        ? undefined
        : usageObjects.usageOf(pod, container, resource, index.get(pod.nodeName)?.facts),
  }

  return {
    setNode(facts) {
      const place = index.placeOf(facts.name)
      const before = place.facts
      index.setNode(place, facts)
      if (before?.uid !== facts.uid) {
        // A namesake made anew is another machine: it starts at nothing.
        if (before !== undefined) forgetCounters(place, before.uid)
        const earlier = memory.takeNode(facts.uid)
        if (earlier !== undefined) addRetired(place.retired, earlier)
        if (place.pods.size > 0) memory.setNode(counted(place))
      }
      if (usageObjects.useNodes) for (const entry of place.pods.values()) refresh(entry, place)
    },

    deleteNode(uid) {
      const place = index.withNode(uid)
      if (place === undefined) return
      forgetCounters(place, uid)
      index.deleteNode(place)
    },

    setPod(facts) {
      const nowMs = now()
      const place = index.placeOf(facts.nodeName)
      const before = place.pods.get(facts.uid)
      const beforeFacts = before?.facts
      reportBad(facts, beforeFacts)
      runningPodCount += Number(facts.running) - Number(beforeFacts?.running === true)
      const beforeJson = beforeFacts?.json
      facts.json = documents.keep(facts.json.toString())
      const entry: PodEntry = before ?? { facts, meter: memory.takePod(facts.uid) }
      entry.facts = facts
      if (before === undefined) index.addPod(place, entry)
      if (entry.meter !== undefined) refresh(entry, place, nowMs)
      else if (facts.running) {
        entry.meter = createPodMeter(facts, nowMs, sources)
        markSampled(entry, place)
        memory.setPod(facts.uid, place.facts?.uid, entry.meter)
      }
      // Not before: usage until now may be reckoned from it.
      if (beforeJson !== undefined) documents.release(beforeJson)
    },

    deletePod(uid) {
      const place = index.withPod(uid)
      const entry = place?.pods.get(uid)
      if (place === undefined || entry === undefined) return
      if (entry.facts.running) runningPodCount--
      if (entry.meter !== undefined) retire(place, uid, entry.meter, now())
      documents.release(entry.facts.json)
      index.deletePod(place, uid)
    },

    setUsageObject(object) {
      const before = usageObjects.get(object.uid)
      usageObjects.set(object)
      refreshAll(before === undefined ? [object] : [before, object])
    },

    deleteUsageObject(uid) {
      const before = usageObjects.delete(uid)
      if (before !== undefined) refreshAll([before])
    },

    endRestore() {
      for (const [uid, pod] of memory.takeRest()) {
        const place = index.withNode(pod.nodeUid)
        // Until the earlier process ended, it can have served this pod; nobody knows how long the pod ran on.
        if (place !== undefined) retire(place, uid, pod.meter, memory.restoredAtMs)
        else memory.forgetPod(uid)
      }
      memory.flush()
    },

    node: nodeEntry,

    read(name) {
      const entry = nodeEntry(name)
      if (entry === undefined) return undefined
      const nowMs = now()
      for (const { facts, meter } of entry.sampled.values()) {
        if (meter === undefined) continue
        settle(meter, nowMs)
        memory.setPod(facts.uid, entry.facts.uid, meter)
      }
      memory.setTime(nowMs)
      memory.flush()
      return { entry, nowMs }
    },

    coreTimes({ facts, retired }, measured) {
      const cores = coresOf(facts.cpuCapacityNanoCores)
      const servedIdleNs = retired.idleCoreNanoSeconds
      const { times, idleNs, kept } = coreTimesAt({ ...measured, cores, servedIdleNs, kept: retired.cores })
      retired.idleCoreNanoSeconds = idleNs
      retired.cores = kept
      // Each time: what it would be after a crash may be less, with pods that want more than there is.
      memory.setRetired(facts.uid, retired)
      return times
    },

    flush: memory.flush,
    now,
    nodeNames: index.nodeNames,
    get nodeCount() {
      return index.nodeCount
    },
    get podCount() {
      return index.podCount
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
    const place = index.get(name)
    return place?.facts === undefined ? undefined : (place as NodeEntry)
  }

  function forgetCounters(place: NodeSlot, nodeUid: string): void {
    place.retired = noRetiredPods()
    memory.forgetNode(nodeUid)
  }

  function retire(place: NodeSlot, podUid: string, meter: PodMeter, nowMs: number): void {
    retirePod(place.retired, meter, nowMs)
    memory.retirePod(podUid, place.facts?.uid, place.retired)
  }

  /** Takes up whatever may have changed about how a pod is counted. */
  function refresh(entry: PodEntry, place: NodeSlot, nowMs = now()): void {
    if (entry.meter === undefined) return
    const changed = changeUsage(entry.meter, entry.facts, nowMs, sources)
    markSampled(entry, place)
    if (changed) memory.setPod(entry.facts.uid, place.facts?.uid, entry.meter)
  }

  function markSampled(entry: PodEntry, { sampled }: NodeSlot): void {
    if (entry.meter !== undefined && isSampled(entry.meter)) sampled.set(entry.facts.uid, entry)
    else sampled.delete(entry.facts.uid)
  }

  function refreshAll(objects: UsageObject[]): void {
    for (const place of index.places()) {
      for (const entry of place.pods.values()) {
        if (objects.some(object => matches(object, entry.facts))) refresh(entry, place)
      }
    }
  }

  function* countedNodes(): Generator<CountedNode> {
    for (const place of index.places()) yield counted(place)
  }

  function reportBad(facts: PodFacts, before: PodFacts | undefined): void {
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
