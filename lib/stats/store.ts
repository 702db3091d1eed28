import { changeUsage, createPodMeter, type PodMeter, podTraffic, samplePod, type Traffic } from './counters.ts'
import type { BadAnnotation, NodeFacts, PodFacts } from './objects.ts'

export interface PodEntry {
  facts: PodFacts
  /** Of a running pod. */
  meter?: PodMeter
}

/** The last counters of pods that ran on a node and no longer do: the node's own counters don't fall when a pod goes. */
export interface Retired extends Traffic {
  /** A bigint, so that a node's sum is exact, in whatever order pods come and go. */
  usageCoreNanoSeconds: bigint
  pageFaults: number
  majorPageFaults: number
}

export interface NodeEntry {
  facts: NodeFacts
  /** By UID, of any phase. */
  pods: ReadonlyMap<string, PodEntry>
  retired: Readonly<Retired>
}

/** Nodes and their pods, indexed so that a node's figures cost what its own pods cost. */
export interface StatsStore {
  setNode(facts: NodeFacts): void
  deleteNode(uid: string): void
  setPod(facts: PodFacts): void
  deletePod(uid: string): void
  /** Undefined for a node that isn't there, also when pods are bound to it. */
  node(name: string): NodeEntry | undefined
  /** Milliseconds since the epoch; never goes back, whatever the machine's clock does, so no counter can. */
  now(): number
  nodeNames(): string[]
  readonly nodeCount: number
  readonly podCount: number
  readonly runningPodCount: number
}

interface Bucket {
  facts?: NodeFacts
  pods: Map<string, PodEntry>
  retired: Retired
}

/**
 * An empty store. `onBadAnnotation` is told of each annotation that can't be used, once for as long as the pod carries it;
 * the pod then counts as if it had none.
 */
export function createStore({
  clock = Date.now,
  onBadAnnotation = () => {},
}: {
  clock?: () => number
  onBadAnnotation?: (pod: PodFacts, annotation: BadAnnotation) => void
} = {}): StatsStore {
  const buckets = new Map<string, Bucket>()
  const nodeNameByUid = new Map<string, string>()
  const nodeNameByPodUid = new Map<string, string>()
  let runningPodCount = 0
  let latestMs = Number.NEGATIVE_INFINITY

  return {
    setNode(facts) {
      const bucket = bucketOf(facts.name)
      // A namesake made anew is another machine: it starts at nothing.
      if (bucket.facts !== undefined && bucket.facts.uid !== facts.uid) {
        nodeNameByUid.delete(bucket.facts.uid)
        bucket.retired = nothingYet()
      }
      bucket.facts = facts
      nodeNameByUid.set(facts.uid, facts.name)
    },

    deleteNode(uid) {
      const name = nodeNameByUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      if (name === undefined || bucket === undefined) return
      nodeNameByUid.delete(uid)
      delete bucket.facts
      bucket.retired = nothingYet()
      dropIfEmpty(name, bucket)
    },

    setPod(facts) {
      const nowMs = now()
      const bucket = bucketOf(facts.nodeName)
      const before = bucket.pods.get(facts.uid)
      reportBad(facts, before?.facts)
      if (before === undefined) nodeNameByPodUid.set(facts.uid, facts.nodeName)
      if (!facts.running) {
        if (before?.meter !== undefined) retire(bucket, before, nowMs)
        bucket.pods.set(facts.uid, { facts })
      } else if (before?.meter === undefined) {
        bucket.pods.set(facts.uid, { facts, meter: createPodMeter(facts, nowMs) })
        runningPodCount++
      } else {
        changeUsage(before.meter, facts, nowMs)
        before.facts = facts
      }
    },

    deletePod(uid) {
      const name = nodeNameByPodUid.get(uid)
      const bucket = name === undefined ? undefined : buckets.get(name)
      const entry = bucket?.pods.get(uid)
      if (name === undefined || bucket === undefined || entry === undefined) return
      nodeNameByPodUid.delete(uid)
      bucket.pods.delete(uid)
      if (entry.meter !== undefined) retire(bucket, entry, now())
      dropIfEmpty(name, bucket)
    },

    node(name) {
      const bucket = buckets.get(name)
      return bucket?.facts === undefined ? undefined : (bucket as NodeEntry)
    },

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
  }

  function now(): number {
    latestMs = Math.max(latestMs, clock())
    return latestMs
  }

  function bucketOf(name: string): Bucket {
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      bucket = { pods: new Map(), retired: nothingYet() }
      buckets.set(name, bucket)
    }
    return bucket
  }

  function dropIfEmpty(name: string, bucket: Bucket): void {
    if (bucket.facts === undefined && bucket.pods.size === 0) buckets.delete(name)
  }

  function retire(bucket: Bucket, { meter }: PodEntry, nowMs: number): void {
    runningPodCount--
    if (meter === undefined) return
    const { total } = samplePod(meter, nowMs)
    const { rxBytes, txBytes } = podTraffic(meter, nowMs)
    bucket.retired.usageCoreNanoSeconds += BigInt(total.usageCoreNanoSeconds)
    bucket.retired.pageFaults += total.pageFaults
    bucket.retired.majorPageFaults += total.majorPageFaults
    bucket.retired.rxBytes += rxBytes
    bucket.retired.txBytes += txBytes
  }

  function reportBad(facts: PodFacts, before: PodFacts | undefined): void {
    for (const each of facts.badAnnotations ?? []) {
      const isKnown = before?.badAnnotations?.some(old => old.name === each.name && old.value === each.value)
      if (isKnown !== true) onBadAnnotation(facts, each)
    }
  }
}

function nothingYet(): Retired {
  return { usageCoreNanoSeconds: 0n, pageFaults: 0, majorPageFaults: 0, rxBytes: 0, txBytes: 0 }
}
