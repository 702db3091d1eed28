import {
  changeUsage,
  createPodMeter,
  isSampled,
  type PodMeter,
  podTraffic,
  samplePod,
  settle,
  type Traffic,
} from './counters.ts'
import type { BadAnnotation, NodeFacts, PodFacts } from './objects.ts'
import type { PresetName } from './presets.ts'
import { loadPod, loadRetired, savePod, saveRetired } from './state.ts'
import type { StateChange, StateLog } from './state-log.ts'
import { createTextArena } from './text-arena.ts'
import type { UsageSources } from './usage.ts'
import { createUsageObjects, matches, type UsageObject, type UsageProblem } from './usage-objects.ts'

export interface PodEntry {
  facts: PodFacts
  /** Of a pod that runs or has run. */
  meter?: PodMeter
}

/** The last counters of pods that ran on a node and are gone: the node's own counters don't fall when a pod goes. */
export interface Retired extends Traffic {
  /** A bigint, so that a node's sum is exact, in whatever order pods come and go. */
  usageCoreNanoSeconds: bigint
  pageFaults: number
  majorPageFaults: number
  readBytes: number
  writtenBytes: number
  /** The most idle time that was served: pods that use more than the node has would make it fall. */
  idleCoreNanoSeconds: number
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
  /** What an earlier process left, and how to open the log that goes on from there. */
  state?: { saved: Map<string, unknown>; open: (live: () => Iterable<StateChange>) => StateLog }
}

interface Bucket {
  facts?: NodeFacts
  pods: Map<string, PodEntry>
  /** Pods whose counters depend on when they are read. */
  sampled: Map<string, PodEntry>
  retired: Retired
}

/** Time is told to the state so far ahead: after a crash it goes on from there at the earliest. */
const LEASE_MS = 1_000

/** A store with nothing in it but, of what is set later, the counters of an earlier process. */
export function createStore(options: StoreOptions = {}): StatsStore {
  const { clock = Date.now, onBadAnnotation = () => {}, onStateError = () => {} } = options
  const buckets = new Map<string, Bucket>()
  const documents = createTextArena()
  const nodeNameByUid = new Map<string, string>()
  const nodeNameByPodUid = new Map<string, string>()
  const saved = options.state?.saved ?? new Map<string, unknown>()
  let leaseMs = Number(saved.get('t') ?? 0)
  let latestMs = leaseMs
  const restoredAtMs = leaseMs
  let runningPodCount = 0
  const usageObjects = createUsageObjects((pod, problem) => options.onUsageProblem?.(pod, problem))
  let usageObjectCount = 0
  const sources: UsageSources = {
    preset: options.preset ?? 'steady',
    fromObjects: (pod, container, resource) =>
      usageObjectCount === 0
        ? undefined
        : usageObjects.usageOf(pod, container, resource, buckets.get(pod.nodeName)?.facts),
  }
  const log = options.state?.open(live)

  return {
    setNode(facts) {
      const bucket = bucketOf(facts.name)
      const before = bucket.facts
      bucket.facts = facts
      if (before?.uid === facts.uid) {
        if (usageObjectCount > 0 && usageObjects.useNodes)
          for (const entry of bucket.pods.values()) refresh(entry, bucket)
        return
      }
      // A namesake made anew is another machine: it starts at nothing.
      if (before !== undefined) {
        nodeNameByUid.delete(before.uid)
        bucket.retired = nothingYet()
        log?.write([[`n${before.uid}`, null]])
      }
      nodeNameByUid.set(facts.uid, facts.name)
      const earlier = loadRetired(saved.get(`n${facts.uid}`))
      if (earlier !== undefined) addRetired(bucket.retired, earlier)
      saved.delete(`n${facts.uid}`)
      // Pods that were seen before their node are written under its UID from now on.
      if (bucket.pods.size > 0) log?.write([retiredChange(bucket), ...podChanges(bucket)])
      if (usageObjectCount > 0 && usageObjects.useNodes)
        for (const entry of bucket.pods.values()) refresh(entry, bucket)
    },

    deleteNode(uid) {
      const name = nodeNameByUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      if (name === undefined || bucket === undefined) return
      nodeNameByUid.delete(uid)
      delete bucket.facts
      bucket.retired = nothingYet()
      log?.write([[`n${uid}`, null]])
      dropIfEmpty(name, bucket)
    },

    setPod(facts) {
      const nowMs = now()
      const bucket = bucketOf(facts.nodeName)
      const before = bucket.pods.get(facts.uid)
      reportBad(facts, before?.facts)
      if (before === undefined) nodeNameByPodUid.set(facts.uid, facts.nodeName)
      runningPodCount += Number(facts.running) - Number(before?.facts.running === true)
      const json = documents.keep(facts.json.toString())
      if (before !== undefined) documents.release(before.facts.json)
      facts.json = json
      const entry = before ?? { facts }
      entry.facts = facts
      if (before === undefined) bucket.pods.set(facts.uid, entry)
      let changed = false
      if (entry.meter === undefined) {
        const restored = loadPod(facts.uid, saved.get(`p${facts.uid}`))?.meter
        saved.delete(`p${facts.uid}`)
        if (restored !== undefined) entry.meter = restored
        else if (facts.running) {
          entry.meter = createPodMeter(facts, nowMs, sources)
          changed = true
        }
      }
      if (entry.meter === undefined) return
      if (!changed) changed = changeUsage(entry.meter, facts, nowMs, sources)
      if (isSampled(entry.meter)) bucket.sampled.set(facts.uid, entry)
      else bucket.sampled.delete(facts.uid)
      if (changed) writePod(bucket, entry)
    },

    deletePod(uid) {
      const name = nodeNameByPodUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      const entry = bucket?.pods.get(uid)
      if (name === undefined || bucket === undefined || entry === undefined) return
      nodeNameByPodUid.delete(uid)
      documents.release(entry.facts.json)
      bucket.pods.delete(uid)
      bucket.sampled.delete(uid)
      if (entry.facts.running) runningPodCount--
      if (entry.meter !== undefined) retire(bucket, uid, entry.meter, now())
      dropIfEmpty(name, bucket)
    },

    setUsageObject(object) {
      const before = usageObjects.get(object.uid)
      usageObjects.set(object)
      if (before === undefined) usageObjectCount++
      refreshAll(before === undefined ? [object] : [before, object])
    },

    deleteUsageObject(uid) {
      const before = usageObjects.delete(uid)
      if (before === undefined) return
      usageObjectCount--
      refreshAll([before])
    },

    endRestore() {
      for (const [key, value] of saved) {
        if (!key.startsWith('p')) continue
        const pod = loadPod(key.slice(1), value)
        const name = pod === undefined ? undefined : nodeNameByUid.get(pod.nodeUid)
        const bucket = name === undefined ? undefined : buckets.get(name)
        // Until the earlier process ended, it can have served this pod; nobody knows how long the pod ran on.
        if (pod !== undefined && bucket !== undefined) retire(bucket, key.slice(1), pod.meter, restoredAtMs)
        else log?.write([[key, null]])
      }
      for (const key of saved.keys()) if (key.startsWith('n')) log?.write([[key, null]])
      saved.clear()
      flush()
    },

    node: nodeEntry,

    read(name) {
      const entry = nodeEntry(name)
      if (entry === undefined) return undefined
      const nowMs = now()
      const bucket = buckets.get(name)
      if (bucket !== undefined && bucket.sampled.size > 0) {
        for (const pod of bucket.sampled.values()) {
          if (pod.meter === undefined) continue
          settle(pod.meter, nowMs)
          writePod(bucket, pod)
        }
      }
      if (log !== undefined && nowMs > leaseMs) {
        leaseMs = nowMs + LEASE_MS
        log.write([['t', leaseMs]])
      }
      flush()
      return { entry, nowMs }
    },

    idleCoreNanoSeconds(entry, computed) {
      const { retired } = entry
      if (computed >= retired.idleCoreNanoSeconds) retired.idleCoreNanoSeconds = computed
      else log?.write([[`n${entry.facts.uid}`, saveRetired(retired)]])
      return retired.idleCoreNanoSeconds
    },

    flush,
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
      return usageObjectCount
    },
    get stateBytes() {
      return log?.bytes ?? 0
    },
  }

  function now(): number {
    latestMs = Math.max(latestMs, Math.floor(clock()))
    return latestMs
  }

  function flush(): void {
    try {
      log?.flush()
    } catch (error) {
      onStateError(error)
    }
  }

  function nodeEntry(name: string): NodeEntry | undefined {
    const bucket = buckets.get(name)
    return bucket?.facts === undefined ? undefined : (bucket as NodeEntry)
  }

  function bucketOf(name: string): Bucket {
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      bucket = { pods: new Map(), sampled: new Map(), retired: nothingYet() }
      buckets.set(name, bucket)
    }
    return bucket
  }

  function dropIfEmpty(name: string, bucket: Bucket): void {
    if (bucket.facts === undefined && bucket.pods.size === 0) buckets.delete(name)
  }

  function refresh(entry: PodEntry, bucket: Bucket): void {
    if (entry.meter === undefined) return
    const changed = changeUsage(entry.meter, entry.facts, now(), sources)
    if (isSampled(entry.meter)) bucket.sampled.set(entry.facts.uid, entry)
    else bucket.sampled.delete(entry.facts.uid)
    if (changed) writePod(bucket, entry)
  }

  function refreshAll(objects: UsageObject[]): void {
    for (const bucket of buckets.values()) {
      for (const entry of bucket.pods.values()) {
        if (objects.some(object => matches(object, entry.facts))) refresh(entry, bucket)
      }
    }
  }

  function retire(bucket: Bucket, podUid: string, meter: PodMeter, nowMs: number): void {
    const { total } = samplePod(meter, nowMs)
    addRetired(bucket.retired, {
      ...total,
      ...podTraffic(meter, nowMs, total.usageCoreNanoSeconds),
      usageCoreNanoSeconds: BigInt(total.usageCoreNanoSeconds),
      idleCoreNanoSeconds: 0,
    })
    // In one line: the pod is counted either by itself or in its node, also after a crash.
    if (log === undefined) return
    if (bucket.facts === undefined) log.write([[`p${podUid}`, null]])
    else log.write([[`p${podUid}`, null], retiredChange(bucket)])
  }

  function writePod(bucket: Bucket, { facts, meter }: PodEntry): void {
    if (meter !== undefined) log?.write([[`p${facts.uid}`, savePod(bucket.facts?.uid ?? '', meter)]])
  }

  function retiredChange(bucket: Bucket): StateChange {
    return [`n${bucket.facts?.uid ?? ''}`, saveRetired(bucket.retired)]
  }

  function* podChanges(bucket: Bucket): Generator<StateChange> {
    for (const [uid, { meter }] of bucket.pods) {
      if (meter !== undefined) yield [`p${uid}`, savePod(bucket.facts?.uid ?? '', meter)]
    }
  }

  function* live(): Generator<StateChange> {
    yield ['t', leaseMs]
    // Until the restore has ended, some of what was is not anywhere else.
    yield* saved
    for (const bucket of buckets.values()) {
      if (bucket.facts !== undefined) yield retiredChange(bucket)
      yield* podChanges(bucket)
    }
  }

  function reportBad(facts: PodFacts, before: PodFacts | undefined): void {
    for (const each of facts.badAnnotations ?? []) {
      const isKnown = before?.badAnnotations?.some(old => old.name === each.name && old.value === each.value)
      if (isKnown !== true) onBadAnnotation(facts, each)
    }
  }
}

function addRetired(sum: Retired, more: Retired): void {
  sum.usageCoreNanoSeconds += more.usageCoreNanoSeconds
  sum.pageFaults += more.pageFaults
  sum.majorPageFaults += more.majorPageFaults
  sum.rxBytes += more.rxBytes
  sum.txBytes += more.txBytes
  sum.readBytes += more.readBytes
  sum.writtenBytes += more.writtenBytes
  sum.idleCoreNanoSeconds = Math.max(sum.idleCoreNanoSeconds, more.idleCoreNanoSeconds)
}

function nothingYet(): Retired {
  const bytes = { rxBytes: 0, txBytes: 0, readBytes: 0, writtenBytes: 0 }
  return { usageCoreNanoSeconds: 0n, pageFaults: 0, majorPageFaults: 0, ...bytes, idleCoreNanoSeconds: 0 }
}
