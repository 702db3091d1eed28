import type { PodMeter } from './pod-counters.ts'
import type { Retired } from './retired-pods.ts'
import { loadPod, loadRetired, type SavedPod, savePod, saveRetired } from './saved-counters.ts'
import type { StateChange, StateLog } from './state-log.ts'

/** What an earlier process left, and how to open the log that goes on from there. */
export interface CounterState {
  saved: Map<string, unknown>
  open: (live: () => Iterable<StateChange>) => StateLog
}

export interface CounterMemoryOptions {
  /** Without it nothing is remembered past the process, and there is nothing to take. */
  state?: CounterState | undefined
  /** What there is to remember now, node by node. */
  nodes: () => Iterable<CountedNode>
  /** Told when the state can't be written. */
  onError: (error: unknown) => void
}

/** All that is remembered of a node. Its UID is undefined while only pods of it have been seen. */
export interface CountedNode {
  uid: string | undefined
  retired: Retired
  meters: Iterable<readonly [podUid: string, meter: PodMeter]>
}

/**
 * The counters' memory over restarts: takes up what an earlier process left, and writes down what changes. What is told here
 * is certain to be known to the next process from the next `flush` on, so that has to come before anything is served.
 */
export interface CounterMemory {
  /** The latest time that the earlier process can have served (epoch), 0 without one. */
  readonly restoredAtMs: number
  /** Size of the file. */
  readonly bytes: number
  /** Gives a pod's counters of the earlier process, once. */
  takePod(podUid: string): PodMeter | undefined
  /** Gives what the earlier process knew of a node's gone pods, once. */
  takeNode(nodeUid: string): Retired | undefined
  /** Gives all pods that nobody took, and forgets nodes that nobody took: the cluster has been listed and they are gone. */
  takeRest(): [podUid: string, pod: SavedPod][]
  setPod(podUid: string, nodeUid: string | undefined, meter: PodMeter): void
  setRetired(nodeUid: string, retired: Retired): void
  /** A node with all its pods: they are the node's of that UID from now on. */
  setNode(node: CountedNode): void
  /** In one line, so that also after a crash a gone pod is counted either by itself or in its node. */
  retirePod(podUid: string, nodeUid: string | undefined, retired: Retired): void
  forgetPod(podUid: string): void
  forgetNode(nodeUid: string): void
  /** A time is about to be served: the clock of the next process won't be behind it. */
  setTime(nowMs: number): void
  /** Writes what has been told. */
  flush(): void
}

/** Time is told to the state so far ahead: after a crash it goes on from there at the earliest. */
const LEASE_MS = 1_000
/** So many changes don't wait for a reader: when nobody reads, they would fill the memory. */
const MOST_UNWRITTEN = 1_000

/** Opens the memory. Keys of the state are `t` for the time, `n<UID>` for nodes and `p<UID>` for pods. */
export function createCounterMemory({ state, nodes, onError }: CounterMemoryOptions): CounterMemory {
  const saved = state?.saved ?? new Map<string, unknown>()
  const savedMs = saved.get('t')
  let leaseMs = typeof savedMs === 'number' ? savedMs : 0
  const restoredAtMs = leaseMs
  saved.delete('t')
  let unwritten = 0
  const log = state?.open(live)

  return {
    restoredAtMs,
    get bytes() {
      return log?.bytes ?? 0
    },
    takePod: uid => take(`p${uid}`, value => loadPod(uid, value))?.meter,
    takeNode: uid => take(`n${uid}`, loadRetired),
    takeRest() {
      const pods: [string, SavedPod][] = []
      for (const [key, value] of saved) {
        const pod = key.startsWith('p') ? loadPod(key.slice(1), value) : undefined
        if (pod === undefined) write([[key, null]])
        else pods.push([key.slice(1), pod])
      }
      saved.clear()
      return pods
    },
    setPod(podUid, nodeUid, meter) {
      if (log !== undefined) write([podChange(podUid, nodeUid, meter)])
    },
    setRetired(nodeUid, retired) {
      if (log !== undefined) write([retiredChange(nodeUid, retired)])
    },
    setNode(node) {
      if (log !== undefined) write([...nodeChanges(node)])
    },
    retirePod(podUid, nodeUid, retired) {
      if (log === undefined) return
      const gone: StateChange = [`p${podUid}`, null]
      write(nodeUid === undefined ? [gone] : [gone, retiredChange(nodeUid, retired)])
    },
    forgetPod: uid => write([[`p${uid}`, null]]),
    forgetNode: uid => write([[`n${uid}`, null]]),
    setTime(nowMs) {
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
    if (unwritten >= MOST_UNWRITTEN) flush()
  }

  function flush(): void {
    // Also when it fails: a full disk mustn't be tried with each change.
    unwritten = 0
    try {
      log?.flush()
    } catch (error) {
      onError(error)
    }
  }

  function* live(): Generator<StateChange> {
    yield ['t', leaseMs]
    // Until the restore has ended, some of what was is not anywhere else.
    yield* saved
    for (const node of nodes()) yield* nodeChanges(node)
  }
}

function* nodeChanges({ uid, retired, meters }: CountedNode): Generator<StateChange> {
  if (uid !== undefined) yield retiredChange(uid, retired)
  for (const [podUid, meter] of meters) yield podChange(podUid, uid, meter)
}

function podChange(podUid: string, nodeUid: string | undefined, meter: PodMeter): StateChange {
  return [`p${podUid}`, savePod(nodeUid ?? '', meter)]
}

function retiredChange(nodeUid: string, retired: Retired): StateChange {
  return [`n${nodeUid}`, saveRetired(retired)]
}
