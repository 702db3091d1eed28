import type { PodMeter } from './pod-counters.ts'
import type { RetiredPods } from './retired-pods.ts'
import { loadPod, loadRetired, type SavedPod, savePod, saveRetired } from './saved-counters.ts'
import type { StateChange, StateLog } from './state-log.ts'

/** The state of an earlier process, and a function that opens the log to continue it. */
export interface CounterState {
  saved: Map<string, unknown>
  open: (live: () => Iterable<StateChange>) => StateLog
}

export interface CounterMemoryOptions {
  /** Without it nothing is saved or restored. */
  state?: CounterState | undefined
  /** All that has to be saved now, node by node. */
  nodes: () => Iterable<CountedNode>
  /** Called when the state cannot be written. */
  onError: (error: unknown) => void
}

/** The counters of a node and its pods. The UID is undefined until the Node itself has been seen. */
export interface CountedNode {
  uid: string | undefined
  retired: RetiredPods
  meters: Iterable<readonly [podUid: string, meter: PodMeter]>
}

/** How far ahead the saved time is: after a crash the next process continues from it. */
const LEASE_MS = 1_000
/** The number of changes after which they are written even if no counter is served. */
const MAX_UNWRITTEN = 1_000

/**
 * Keeps counters over restarts: restores the state of an earlier process and saves changes. After `flush` the next process will know every
 * change, so `flush` must come before a counter is served. The keys of the state are `t` for the time, `n<UID>` for nodes and `p<UID>` for
 * pods.
 */
export function createCounterMemory({ state, nodes, onError }: CounterMemoryOptions) {
  const saved = state?.saved ?? new Map<string, unknown>()
  const savedMs = saved.get('t')
  let leaseMs = typeof savedMs === 'number' ? savedMs : 0
  const restoredAtMs = leaseMs
  saved.delete('t')
  let unwritten = 0
  const log = state?.open(live)

  return {
    /** The latest time that the earlier process may have served (epoch); 0 without one. */
    restoredAtMs,
    /** Size of the file. */
    get bytes() {
      return log?.bytes ?? 0
    },
    /** Removes and returns a pod's counters of the earlier process. */
    takePod: (uid: string) => take(`p${uid}`, value => loadPod(uid, value))?.meter,
    /** Removes and returns the counters of a node's deleted pods of the earlier process. */
    takeNode: (uid: string) => take(`n${uid}`, loadRetired),
    /** Adds the counters of a node that another process has handed over; `takeNode` and `takePod` return them. */
    adopt(changes: readonly StateChange[]) {
      for (const [key, value] of changes) saved.set(key, value)
      write([...changes])
    },
    /**
     * Removes and returns the remaining pods, and forgets the remaining nodes: they are not in the listed cluster. With a UID only the pods
     * of that node.
     */
    takeRest(nodeUid?: string): [podUid: string, pod: SavedPod][] {
      const pods: [string, SavedPod][] = []
      for (const [key, value] of saved) {
        const pod = key.startsWith('p') ? loadPod(key.slice(1), value) : undefined
        if (nodeUid !== undefined && pod?.nodeUid !== nodeUid) continue
        saved.delete(key)
        if (pod === undefined) write([[key, null]])
        else pods.push([key.slice(1), pod])
      }
      return pods
    },
    setPod(podUid: string, nodeUid: string | undefined, meter: PodMeter) {
      if (log !== undefined) write([podChange(podUid, nodeUid, meter)])
    },
    setRetired(nodeUid: string, retired: RetiredPods) {
      if (log !== undefined) write([retiredChange(nodeUid, retired)])
    },
    /** Saves a node with all its pods, under the node's UID. */
    setNode(node: CountedNode) {
      if (log !== undefined) write([...nodeChanges(node)])
    },
    /** Replaces a pod by its node's new sum, in one line: after a crash the pod is counted once. */
    retirePod(podUid: string, nodeUid: string | undefined, retired: RetiredPods) {
      if (log === undefined) return
      const deleted: StateChange = [`p${podUid}`, null]
      write(nodeUid === undefined ? [deleted] : [deleted, retiredChange(nodeUid, retired)])
    },
    forgetPod: (uid: string) => write([[`p${uid}`, null]]),
    forgetNode: (uid: string) => write([[`n${uid}`, null]]),
    /** A time is about to be served: the clock of the next process will not be behind it. */
    setTime(nowMs: number) {
      if (log === undefined || nowMs <= leaseMs) return
      leaseMs = nowMs + LEASE_MS
      write([['t', leaseMs]])
    },
    flush,
  }

  function take<T>(key: string, load: (value: unknown) => T | undefined): T | undefined {
    if (saved.size === 0) return undefined
    const loaded = load(saved.get(key))
    saved.delete(key)
    return loaded
  }

  function write(changes: StateChange[]): void {
    if (log === undefined) return
    log.write(changes)
    unwritten++
    if (unwritten >= MAX_UNWRITTEN) flush()
  }

  function flush(): void {
    // Before the attempt, so that a full disk is not tried again with each change.
    unwritten = 0
    try {
      log?.flush()
    } catch (error) {
      onError(error)
    }
  }

  function* live(): Generator<StateChange> {
    yield ['t', leaseMs]
    // State that is not restored yet.
    yield* saved
    for (const node of nodes()) yield* nodeChanges(node)
  }
}

/** All that has to be saved of a node. */
export function* nodeChanges({ uid, retired, meters }: CountedNode): Generator<StateChange> {
  if (uid !== undefined) yield retiredChange(uid, retired)
  for (const [podUid, meter] of meters) yield podChange(podUid, uid, meter)
}

function podChange(podUid: string, nodeUid: string | undefined, meter: PodMeter): StateChange {
  return [`p${podUid}`, savePod(nodeUid ?? '', meter)]
}

function retiredChange(nodeUid: string, retired: RetiredPods): StateChange {
  return [`n${nodeUid}`, saveRetired(retired)]
}
