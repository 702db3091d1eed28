import type { PodMeter } from '../counters/pod-counters.ts'
import { noRetiredPods, type RetiredPods } from '../counters/retired-pods.ts'
import type { NodeFacts, PodFacts } from '../objects/facts.ts'

export interface PodEntry {
  facts: PodFacts
  /** Defined for a pod that runs or has run. */
  meter?: PodMeter | undefined
}

/** A node name with the pods bound to it; the Node itself may be unknown. */
export interface NodeSlot {
  readonly name: string
  facts: NodeFacts | undefined
  /** By UID, in any phase. */
  readonly pods: ReadonlyMap<string, PodEntry>
  /** The pods whose counters depend on when they are read. */
  readonly sampled: Map<string, PodEntry>
  retired: RetiredPods
  /** Nothing of it is served. */
  isPaused: boolean
}

/** An empty index of nodes by name and UID, and of pods by UID. Lookups take constant time. */
export function createNodeIndex() {
  const slots = new Map<string, NodeSlot & { readonly pods: Map<string, PodEntry> }>()
  const nameByNodeUid = new Map<string, string>()
  const nameByPodUid = new Map<string, string>()
  const slotOf = (name: string | undefined) => (name === undefined ? undefined : slots.get(name))

  return {
    /** The slot of a name; creates it if necessary. */
    ensureSlot(name: string): NodeSlot {
      let slot = slots.get(name)
      if (slot === undefined) {
        slot = {
          name,
          facts: undefined,
          pods: new Map(),
          sampled: new Map(),
          retired: noRetiredPods(),
          isPaused: false,
        }
        slots.set(name, slot)
      }
      return slot
    },
    get: (name: string): NodeSlot | undefined => slotOf(name),
    withNode: (uid: string): NodeSlot | undefined => slotOf(nameByNodeUid.get(uid)),
    withPod: (uid: string): NodeSlot | undefined => slotOf(nameByPodUid.get(uid)),
    /** All slots, including those without a Node. */
    slots: (): Iterable<NodeSlot> => slots.values(),
    /** Puts a Node into its slot; replaces an earlier one. */
    setNode(slot: NodeSlot, facts: NodeFacts) {
      if (slot.facts !== undefined && slot.facts.uid !== facts.uid) nameByNodeUid.delete(slot.facts.uid)
      slot.facts = facts
      nameByNodeUid.set(facts.uid, slot.name)
    },
    deleteNode(slot: NodeSlot) {
      if (slot.facts !== undefined) nameByNodeUid.delete(slot.facts.uid)
      slot.facts = undefined
      dropIfEmpty(slot)
    },
    addPod({ name }: NodeSlot, entry: PodEntry) {
      const { uid } = entry.facts
      nameByPodUid.set(uid, name)
      slots.get(name)?.pods.set(uid, entry)
    },
    deletePod(slot: NodeSlot, uid: string) {
      nameByPodUid.delete(uid)
      slots.get(slot.name)?.pods.delete(uid)
      slot.sampled.delete(uid)
      dropIfEmpty(slot)
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
    if (facts === undefined && pods.size === 0) slots.delete(name)
  }
}
