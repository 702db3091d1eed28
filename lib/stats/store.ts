import { type CountedNode, type CounterState, createCounterMemory } from './counter-memory.ts'
import { changeUsage, createPodMeter, isSampled, type PodMeter, settle } from './counters.ts'
import type { NodeFacts, PodFacts } from './objects.ts'
import type { PresetName } from './presets.ts'
import { addRetired, nothingRetired, type Retired, retirePod } from './retired.ts'
import { createTextArena } from './text-arena.ts'
import type { UsageSources } from './usage.ts'
import type { BadAnnotation } from './usage-annotations.ts'
import { createUsageObjects, matches, type UsageObject, type UsageProblem } from './usage-objects.ts'

export interface PodEntry {
  facts: PodFacts
  /** Of a pod that runs or has run. */
  meter?: PodMeter | undefined
}

export interface NodeEntry {
  facts: NodeFacts
  /** By UID, of any phase. */
  pods: ReadonlyMap<string, PodEntry>
  retired: Retired
}

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
  /** Remembers how much idle time of a node is about to be told, and gives what may be told: never less than before. */
  idleCoreNanoSeconds(entry: NodeEntry, computed: number): number
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

interface Bucket {
  /** Undefined while only pods of the node are there. */
  facts: NodeFacts | undefined
  pods: Map<string, PodEntry>
  /** Pods whose counters depend on when they are read. */
  sampled: Map<string, PodEntry>
  retired: Retired
}

/** A store with nothing in it but, of what is set later, the counters of an earlier process. */
export function createStore(options: StoreOptions = {}): StatsStore {
  const { clock = Date.now, onBadAnnotation = () => {}, onStateError = () => {} } = options
  const buckets = new Map<string, Bucket>()
  const documents = createTextArena()
  const nodeNameByUid = new Map<string, string>()
  const nodeNameByPodUid = new Map<string, string>()
  const memory = createCounterMemory({ state: options.state, nodes: countedNodes, onError: onStateError })
  let latestMs = memory.restoredAtMs
  let runningPodCount = 0
  const usageObjects = createUsageObjects((pod, problem) => options.onUsageProblem?.(pod, problem))
  const sources: UsageSources = {
    preset: options.preset ?? 'steady',
    fromObjects: (pod, container, resource) =>
      usageObjects.size === 0
        ? undefined
        : usageObjects.usageOf(pod, container, resource, buckets.get(pod.nodeName)?.facts),
  }

  return {
    setNode(facts) {
      const bucket = bucketOf(facts.name)
      const before = bucket.facts
      bucket.facts = facts
      if (before?.uid !== facts.uid) {
        // A namesake made anew is another machine: it starts at nothing.
        if (before !== undefined) forgetNode(before.uid, bucket)
        nodeNameByUid.set(facts.uid, facts.name)
        const earlier = memory.takeNode(facts.uid)
        if (earlier !== undefined) addRetired(bucket.retired, earlier)
        if (bucket.pods.size > 0) memory.setNode(counted(bucket))
      }
      if (usageObjects.useNodes) for (const entry of bucket.pods.values()) refresh(entry, bucket)
    },

    deleteNode(uid) {
      const name = nodeNameByUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      if (name === undefined || bucket === undefined) return
      bucket.facts = undefined
      forgetNode(uid, bucket)
      dropIfEmpty(name, bucket)
    },

    setPod(facts) {
      const nowMs = now()
      const bucket = bucketOf(facts.nodeName)
      const before = bucket.pods.get(facts.uid)
      const beforeFacts = before?.facts
      reportBad(facts, beforeFacts)
      runningPodCount += Number(facts.running) - Number(beforeFacts?.running === true)
      const beforeJson = beforeFacts?.json
      facts.json = documents.keep(facts.json.toString())
      const entry: PodEntry = before ?? { facts, meter: memory.takePod(facts.uid) }
      entry.facts = facts
      if (before === undefined) {
        nodeNameByPodUid.set(facts.uid, facts.nodeName)
        bucket.pods.set(facts.uid, entry)
      }
      if (entry.meter !== undefined) refresh(entry, bucket, nowMs)
      else if (facts.running) {
        entry.meter = createPodMeter(facts, nowMs, sources)
        markSampled(entry, bucket)
        memory.setPod(facts.uid, bucket.facts?.uid, entry.meter)
      }
      // Not before: usage until now may be reckoned from it.
      if (beforeJson !== undefined) documents.release(beforeJson)
    },

    deletePod(uid) {
      const name = nodeNameByPodUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      const entry = bucket?.pods.get(uid)
      if (name === undefined || bucket === undefined || entry === undefined) return
      nodeNameByPodUid.delete(uid)
      bucket.pods.delete(uid)
      bucket.sampled.delete(uid)
      if (entry.facts.running) runningPodCount--
      if (entry.meter !== undefined) retire(bucket, uid, entry.meter, now())
      documents.release(entry.facts.json)
      dropIfEmpty(name, bucket)
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
        const name = nodeNameByUid.get(pod.nodeUid)
        const bucket = name === undefined ? undefined : buckets.get(name)
        // Until the earlier process ended, it can have served this pod; nobody knows how long the pod ran on.
        if (bucket !== undefined) retire(bucket, uid, pod.meter, memory.restoredAtMs)
        else memory.forgetPod(uid)
      }
      memory.flush()
    },

    node: nodeEntry,

    read(name) {
      const entry = nodeEntry(name)
      if (entry === undefined) return undefined
      const nowMs = now()
      for (const { facts, meter } of buckets.get(name)?.sampled.values() ?? []) {
        if (meter === undefined) continue
        settle(meter, nowMs)
        memory.setPod(facts.uid, entry.facts.uid, meter)
      }
      memory.setTime(nowMs)
      memory.flush()
      return { entry, nowMs }
    },

    idleCoreNanoSeconds({ facts, retired }, computed) {
      retired.idleCoreNanoSeconds = Math.max(retired.idleCoreNanoSeconds, computed)
      // Each time: what it would be after a crash may be less, with pods that want more than there is.
      memory.setRetired(facts.uid, retired)
      return retired.idleCoreNanoSeconds
    },

    flush: memory.flush,
    now,
    nodeNames: () => [...nodeNameByUid.values()],
    get nodeCount() {
      return nodeNameByUid.size
    },
    get podCount() {
      return nodeNameByPodUid.size
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
    const bucket = buckets.get(name)
    return bucket?.facts === undefined ? undefined : (bucket as NodeEntry)
  }

  function bucketOf(name: string): Bucket {
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      bucket = { facts: undefined, pods: new Map(), sampled: new Map(), retired: nothingRetired() }
      buckets.set(name, bucket)
    }
    return bucket
  }

  function dropIfEmpty(name: string, bucket: Bucket): void {
    if (bucket.facts === undefined && bucket.pods.size === 0) buckets.delete(name)
  }

  function forgetNode(uid: string, bucket: Bucket): void {
    nodeNameByUid.delete(uid)
    bucket.retired = nothingRetired()
    memory.forgetNode(uid)
  }

  function retire(bucket: Bucket, podUid: string, meter: PodMeter, nowMs: number): void {
    retirePod(bucket.retired, meter, nowMs)
    memory.retirePod(podUid, bucket.facts?.uid, bucket.retired)
  }

  /** Takes up whatever may have changed about how a pod is counted. */
  function refresh(entry: PodEntry, bucket: Bucket, nowMs = now()): void {
    if (entry.meter === undefined) return
    const changed = changeUsage(entry.meter, entry.facts, nowMs, sources)
    markSampled(entry, bucket)
    if (changed) memory.setPod(entry.facts.uid, bucket.facts?.uid, entry.meter)
  }

  function markSampled(entry: PodEntry, { sampled }: Bucket): void {
    if (entry.meter !== undefined && isSampled(entry.meter)) sampled.set(entry.facts.uid, entry)
    else sampled.delete(entry.facts.uid)
  }

  function refreshAll(objects: UsageObject[]): void {
    for (const bucket of buckets.values()) {
      for (const entry of bucket.pods.values()) {
        if (objects.some(object => matches(object, entry.facts))) refresh(entry, bucket)
      }
    }
  }

  function* countedNodes(): Generator<CountedNode> {
    for (const bucket of buckets.values()) yield counted(bucket)
  }

  function reportBad(facts: PodFacts, before: PodFacts | undefined): void {
    for (const each of facts.badAnnotations ?? []) {
      const isKnown = before?.badAnnotations?.some(old => old.name === each.name && old.value === each.value)
      if (isKnown !== true) onBadAnnotation(facts, each)
    }
  }
}

function counted({ facts, pods, retired }: Bucket): CountedNode {
  return { uid: facts?.uid, retired, meters: metersOf(pods) }
}

function* metersOf(pods: ReadonlyMap<string, PodEntry>): Generator<[string, PodMeter]> {
  for (const [uid, { meter }] of pods) if (meter !== undefined) yield [uid, meter]
}
