import type { ClusterPod, ClusterSnapshot } from './cluster.ts'
import type { Dimension, Quantity, Truth } from './marks.ts'
import type { Bounds, Measured, UsageSource, UsageWindow } from './usage.ts'

/** Which values of a dimension may occur; the same text means the same values. */
export interface Filter {
  text: string
  allows: (value: string) => boolean
}

/** What a query is restricted to. */
export type Filters = ReadonlyMap<Dimension, Filter>

/** What truth is computed from. */
export interface TruthSources {
  snapshot: ClusterSnapshot
  usage: UsageSource
}

/** One thing that counts for a quantity: where it belongs, and how much it is. */
interface Contribution {
  at: Partial<Record<Dimension, string>>
  amount: Bounds
}

const MEASURED: ReadonlySet<Quantity> = new Set<Quantity>([
  ...(['cpu-usage', 'memory-working-set', 'memory-rss', 'network-receive', 'network-transmit'] as const),
])

/** Whether a quantity is a measured usage, which agrees within some per cent, and not a count, which has to be exact. */
export function isMeasured(quantity: Quantity): quantity is Quantity & Measured {
  return MEASURED.has(quantity)
}

/**
 * What a query must give, by its dimensions' values in the order of `truth.by` (`truthKey`). A ratio is that of the sums,
 * and isn't there where nothing is in its denominator.
 */
export function expectedValues(
  truth: Truth,
  sources: TruthSources,
  filters: Filters,
  window: UsageWindow,
): ReadonlyMap<string, Bounds> {
  const sums = sumOf(truth.of, truth, sources, filters, window)
  if (truth.over === undefined) return sums
  const over = sumOf(truth.over, truth, sources, filters, window)
  const ratios = new Map<string, Bounds>()
  for (const [key, { least, most }] of sums) {
    const divisor = over.get(key)
    if (divisor === undefined || divisor.most === 0) continue
    ratios.set(key, {
      least: least / divisor.most,
      most: divisor.least === 0 ? Number.POSITIVE_INFINITY : most / divisor.least,
    })
  }
  return ratios
}

/** One key for the values of some dimensions. */
export function truthKey(values: readonly string[]): string {
  return values.join('\u0000')
}

/** What was computed from some sources: many panels ask for the same, and each answer takes all pods. */
interface Memory {
  contributions: Map<string, readonly Contribution[]>
  sums: Map<string, ReadonlyMap<string, Bounds>>
}

const memories = new WeakMap<TruthSources, Memory>()

function sumOf(
  quantity: Quantity,
  truth: Truth,
  sources: TruthSources,
  filters: Filters,
  window: UsageWindow,
): ReadonlyMap<string, Bounds> {
  const memory = memories.get(sources) ?? { contributions: new Map(), sums: new Map() }
  memories.set(sources, memory)
  const when = isMeasured(quantity) ? [window.untilMs, window.lengthMs, window.lateMs] : []
  const what = [quantity, truth.withSystem, truth.by.includes('condition'), ...when].join(' ')
  const restricted = [...filters].map(([dimension, { text }]) => `${dimension}=${text}`).join('\u0000')
  const key = [what, truth.by.join(), restricted].join('\u0000')
  const known = memory.sums.get(key)
  if (known !== undefined) return known
  const all = memory.contributions.get(what) ?? [...contributions(quantity, truth, sources, window)]
  memory.contributions.set(what, all)
  const sums = sumBy(truth.by, all, filters)
  memory.sums.set(key, sums)
  return sums
}

function sumBy(by: readonly Dimension[], all: readonly Contribution[], filters: Filters): Map<string, Bounds> {
  const sums = new Map<string, Bounds>()
  const tests = [...filters]
  for (const { at, amount } of all) {
    // What has no value of a dimension isn't restricted by it: a node is in no namespace.
    const isIn = tests.every(([dimension, { allows }]) => {
      const value = at[dimension]
      return value === undefined || allows(value)
    })
    if (!isIn) continue
    const key = truthKey(by.map(dimension => at[dimension] ?? ''))
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { ...amount })
    else {
      sum.least += amount.least
      sum.most += amount.most
    }
  }
  return sums
}

function* contributions(
  quantity: Quantity,
  { by, withSystem }: Truth,
  { snapshot, usage }: TruthSources,
  window: UsageWindow,
): Generator<Contribution> {
  const cluster = snapshot.clusterName
  const one = (value: number): Bounds => ({ least: value, most: value })
  const places = (pod: ClusterPod) => ({
    ...{ cluster, node: pod.node, namespace: pod.namespace, workload: pod.workload, workload_type: pod.workloadType },
    ...{ service: pod.workload, pod: pod.name, phase: pod.phase },
  })
  if (isMeasured(quantity)) {
    const containers = usage.containers(quantity, window)
    for (const pod of snapshot.pods) {
      for (const [container, amount] of containers.get(pod.uid) ?? []) {
        // What a node uses is one number, whichever namespaces or pods are chosen.
        const at = withSystem === true ? { cluster, node: pod.node } : places(pod)
        yield { at: { ...at, ...(container === '' || withSystem === true ? {} : { container }) }, amount }
      }
    }
    if (withSystem !== true) return
    for (const [node, amount] of usage.systems(quantity, window)) yield { at: { cluster, node }, amount }
    return
  }
  switch (quantity) {
    case 'nodes':
      for (const node of snapshot.nodes) {
        const at = { cluster, node: node.name }
        if (!by.includes('condition')) yield { at, amount: one(1) }
        else for (const condition of node.conditions) yield { at: { ...at, condition }, amount: one(1) }
      }
      return
    case 'namespaces':
      for (const namespace of snapshot.namespaces) yield { at: { cluster, namespace }, amount: one(1) }
      return
    case 'workloads': {
      const seen = new Set<string>()
      for (const pod of snapshot.pods) {
        const key = truthKey([pod.namespace, pod.workloadType, pod.workload])
        if (seen.has(key)) continue
        seen.add(key)
        const { namespace, workload, workload_type } = places(pod)
        yield { at: { cluster, namespace, workload, workload_type }, amount: one(1) }
      }
      return
    }
    case 'pods':
    case 'running-pods':
      for (const pod of snapshot.pods) {
        if (quantity === 'pods' || pod.phase === 'Running') yield { at: places(pod), amount: one(1) }
      }
      return
    case 'containers':
    case 'cpu-requests':
    case 'cpu-limits':
    case 'memory-requests':
    case 'memory-limits':
      for (const pod of snapshot.pods) {
        // Pods that have ended hold nothing any more.
        if (pod.phase !== 'Pending' && pod.phase !== 'Running') continue
        // Pods that wait hold what they request, but no container of theirs runs yet.
        if (quantity === 'containers' && pod.phase !== 'Running') continue
        for (const container of pod.containers) {
          const amount = quantity === 'containers' ? 1 : container[RESOURCE_OF[quantity]]
          if (amount !== undefined) yield { at: { ...places(pod), container: container.name }, amount: one(amount) }
        }
      }
      return
    case 'cpu-allocatable':
    case 'memory-allocatable':
    case 'pods-allocatable':
    case 'memory-capacity':
      for (const node of snapshot.nodes)
        yield { at: { cluster, node: node.name }, amount: one(node[NODE_OF[quantity]]) }
      return
    default:
      for (const quota of snapshot.quotas) {
        const amount = quota[RESOURCE_OF[quantity]]
        if (amount !== undefined) yield { at: { cluster, namespace: quota.namespace }, amount: one(amount) }
      }
  }
}

const RESOURCE_OF = {
  'cpu-requests': 'cpuRequests',
  'cpu-limits': 'cpuLimits',
  'memory-requests': 'memoryRequests',
  'memory-limits': 'memoryLimits',
  'quota-cpu-requests': 'cpuRequests',
  'quota-cpu-limits': 'cpuLimits',
  'quota-memory-requests': 'memoryRequests',
  'quota-memory-limits': 'memoryLimits',
} as const

const NODE_OF = {
  'cpu-allocatable': 'cpuAllocatable',
  'memory-allocatable': 'memoryAllocatable',
  'pods-allocatable': 'podsAllocatable',
  'memory-capacity': 'memoryCapacity',
} as const
