import type { PodMeter } from '../counters/pod-counters.ts'
import { noRetiredPods, type RetiredPods } from '../counters/retired-pods.ts'
import type { NodeFacts, PodFacts } from '../objects/facts.ts'

export interface PodEntry {
  facts: PodFacts
  /** Of a pod that runs or has run. */
  meter?: PodMeter | undefined
}

/** A node, or the place of one that hasn't been seen yet, with the pods that are bound to its name. */
export interface NodeSlot {
  readonly name: string
  facts: NodeFacts | undefined
  /** By UID, of any phase. */
  readonly pods: ReadonlyMap<string, PodEntry>
  /** Pods whose counters depend on when they are read. */
  readonly sampled: Map<string, PodEntry>
  retired: RetiredPods
}

/** Nodes by name and UID and pods by UID. Whatever is asked costs the same however many there are. */
export interface NodeIndex {
  /** Place of a name; it is made when it isn't there. */
  placeOf(name: string): NodeSlot
  get(name: string): NodeSlot | undefined
  withNode(uid: string): NodeSlot | undefined
  withPod(uid: string): NodeSlot | undefined
  /** Every place, those without a node too. */
  places(): Iterable<NodeSlot>
  /** Puts a node in its place, instead of any that was. */
  setNode(place: NodeSlot, facts: NodeFacts): void
  deleteNode(place: NodeSlot): void
  addPod(place: NodeSlot, entry: PodEntry): void
  deletePod(place: NodeSlot, uid: string): void
  nodeNames(): string[]
  readonly nodeCount: number
  readonly podCount: number
}

/** An empty index. */
export function createNodeIndex(): NodeIndex {
  const places = new Map<string, NodeSlot & { readonly pods: Map<string, PodEntry> }>()
  const nameByNodeUid = new Map<string, string>()
  const nameByPodUid = new Map<string, string>()
  const named = (name: string | undefined) => (name === undefined ? undefined : places.get(name))

  return {
    placeOf(name) {
      let place = places.get(name)
      if (place === undefined) {
        place = { name, facts: undefined, pods: new Map(), sampled: new Map(), retired: noRetiredPods() }
        places.set(name, place)
      }
      return place
    },
    get: named,
    withNode: uid => named(nameByNodeUid.get(uid)),
    withPod: uid => named(nameByPodUid.get(uid)),
    places: () => places.values(),
    setNode(place, facts) {
      if (place.facts !== undefined && place.facts.uid !== facts.uid) nameByNodeUid.delete(place.facts.uid)
      place.facts = facts
      nameByNodeUid.set(facts.uid, place.name)
    },
    deleteNode(place) {
      if (place.facts !== undefined) nameByNodeUid.delete(place.facts.uid)
      place.facts = undefined
      dropIfEmpty(place)
    },
    addPod({ name }, entry) {
      const { uid } = entry.facts
      nameByPodUid.set(uid, name)
      places.get(name)?.pods.set(uid, entry)
    },
    deletePod(place, uid) {
      nameByPodUid.delete(uid)
      places.get(place.name)?.pods.delete(uid)
      place.sampled.delete(uid)
      dropIfEmpty(place)
    },
    nodeNames: () => [...nameByNodeUid.values()],
    get nodeCount() {
      return nameByNodeUid.size
    },
    get podCount() {
      return nameByPodUid.size
    },
  }

  function dropIfEmpty({ name, facts, pods }: NodeSlot): void {
    if (facts === undefined && pods.size === 0) places.delete(name)
  }
}
