import { type CallMeasure, callFigures, callMeasures } from './call-truth.ts'
import { type ClusterPod, CONDITIONS } from './cluster-snapshot.ts'
import { kwokSystemUsage, kwokUsage } from './kwok-usage.ts'
import type { ClusterState } from './pass-criteria.ts'
import type { Dimension, Quantity, Truth } from './query-expectations.ts'
import { containerAmount, exact, HPA_OF, NODE_OF, RESOURCE_OF, SPACE_OF } from './truth-amounts.ts'
import {
  type Bounds,
  containerMeasures,
  type HostMeasure,
  hostMeasures,
  type Measured,
  networkMeasures,
  type UsageWindow,
} from './usage-bounds.ts'

/** One object that counts for a quantity: its dimensions and its amount. */
export interface Contribution {
  at: Partial<Record<Dimension, string>>
  amount: Bounds
}

const POD_MEASURES: ReadonlySet<string> = new Set([...containerMeasures, ...networkMeasures])
const CALL_MEASURES: ReadonlySet<string> = new Set(callMeasures)
const HOST_MEASURES: ReadonlySet<string> = new Set(hostMeasures)
/** Other measured quantities, from a kubelet or KWOK. */
const OTHER_MEASURES: ReadonlySet<string> = new Set<Quantity>([
  ...(['kwok-cpu-usage', 'kwok-memory-working-set'] as const),
  ...(['filesystem-used', 'filesystem-capacity', 'restarts'] as const),
  ...(['volume-capacity', 'volume-available', 'volume-used'] as const),
  ...(['volume-inodes', 'volume-inodes-free', 'volume-inodes-used'] as const),
])

/** Whether a quantity is measured, and compared with a tolerance, or counted, and compared exactly. */
export function isMeasured(quantity: Quantity): boolean {
  return [POD_MEASURES, HOST_MEASURES, CALL_MEASURES, OTHER_MEASURES].some(each => each.has(quantity))
}

/** Whether a query has a series also where the value is 0: measured quantities do. */
export function isShownAtZero({ of, aboveZero = false }: Truth): boolean {
  return !aboveZero && (isMeasured(of) || of === 'node-condition')
}

/** All contributions to a quantity; undefined where the state does not tell. */
export function contributions(
  { of, by, withSystem = false }: Truth,
  state: ClusterState,
  window: UsageWindow,
): readonly Contribution[] | undefined {
  const { snapshot, usage } = state
  const { clusterName: cluster, pods, nodes } = snapshot
  const each = <T>(all: readonly T[], make: (one: T) => Contribution[]) => all.flatMap(make)
  if (isPodMeasure(of)) return withSystem ? nodeUsage(of, state, window) : podUsage(of, state, window)
  if (isHostMeasure(of)) return nodeUsage(of, state, window)
  if (isCallMeasure(of)) {
    if (state.calls === undefined) return undefined
    return callFigures(state.calls, of, window).map(({ amount, ...where }) => ({ at: { cluster, ...where }, amount }))
  }
  switch (of) {
    case 'trace-generators':
      return [{ at: { cluster }, amount: exact(snapshot.traced.generators.length) }]
    case 'traced-services':
      return [{ at: { cluster }, amount: exact(snapshot.traced.services) }]
    case 'trace-problems':
      return [{ at: { cluster }, amount: exact(snapshot.traced.problems) }]
    case 'nodes':
      return each(nodes, ({ name: node, conditions }) => {
        const at = { cluster, node }
        if (!by.includes('condition')) return [{ at, amount: exact(1) }]
        const holds = CONDITIONS.filter(condition => conditions.get(condition) === 'True')
        return holds.map(condition => ({ at: { ...at, condition }, amount: exact(1) }))
      })
    case 'node-condition':
      return each(nodes, ({ name: node, conditions }) =>
        CONDITIONS.map(condition => {
          const state = conditions.get(condition)
          return { at: { cluster, node, condition }, amount: exact(state === 'True' ? 1 : state === 'False' ? 0 : -1) }
        }),
      )
    case 'namespaces':
      return each(snapshot.namespaces, namespace => [{ at: { cluster, namespace }, amount: exact(1) }])
    case 'workloads': {
      const workloads = new Map(
        pods.map(({ namespace, workload, workloadType }) => [
          [namespace, workloadType, workload].join('\u0000'),
          { cluster, namespace, workload, workload_type: workloadType },
        ]),
      )
      return [...workloads.values()].map(at => ({ at, amount: exact(1) }))
    }
    case 'pods':
    case 'running-pods':
    case 'networked-pods':
      return each(pods, pod => {
        if (of !== 'pods' && pod.phase !== 'Running') return []
        return of === 'networked-pods' && pod.hostNetwork ? [] : [{ at: places(pod, cluster), amount: exact(1) }]
      })
    case 'containers':
    case 'placed-containers':
    case 'restarts':
    case 'cpu-requests':
    case 'cpu-limits':
    case 'memory-requests':
    case 'memory-limits':
      return each(pods, pod =>
        pod.containers.flatMap(container => {
          const amount = containerAmount(of, pod, container)
          return amount === undefined ? [] : [{ at: places(pod, cluster, container.name), amount }]
        }),
      )
    case 'cpu-allocatable':
    case 'memory-allocatable':
    case 'pods-allocatable':
    case 'memory-capacity':
      return each(nodes, node => [{ at: { cluster, node: node.name }, amount: exact(node[NODE_OF[of]]) }])
    case 'filesystem-used':
    case 'filesystem-capacity': {
      const disks = [...usage.disks()]
      return each(disks, ([node, disk]) => [{ at: { cluster, node }, amount: exact(disk[SPACE_OF[of]]) }])
    }
    case 'volume-capacity':
    case 'volume-available':
    case 'volume-used':
    case 'volume-inodes':
    case 'volume-inodes-free':
    case 'volume-inodes-used': {
      // Pods that share a claim have the same volume.
      const claims = new Map(usage.volumes().map(each => [`${each.namespace}/${each.claim}`, each]))
      return [...claims.values()].map(volume => ({
        at: { cluster, namespace: volume.namespace, claim: volume.claim },
        amount: exact(volume[SPACE_OF[of]]),
      }))
    }
    case 'hpa-current':
    case 'hpa-desired':
    case 'hpa-max':
      return each(snapshot.autoscalers, ({ namespace, name: autoscaler, ...replicas }) => [
        { at: { cluster, namespace, autoscaler }, amount: exact(replicas[HPA_OF[of]]) },
      ])
    case 'kwok-cpu-usage':
    case 'kwok-memory-working-set': {
      const resource = of === 'kwok-cpu-usage' ? 'cpu' : 'memory'
      const figures = kwokUsage(snapshot, resource, window)
      const all = each(pods, pod =>
        [...(figures.get(pod.uid) ?? [])].map(([container, amount]) => ({
          at: withSystem ? { cluster, node: pod.node } : places(pod, cluster, container),
          amount,
        })),
      )
      if (!withSystem) return all
      return [...all, ...nodes.map(({ name }) => ({ at: { cluster, node: name }, amount: kwokSystemUsage(resource) }))]
    }
    case 'quota-cpu-requests':
    case 'quota-cpu-limits':
    case 'quota-memory-requests':
    case 'quota-memory-limits':
      return each(snapshot.quotas, quota => {
        const amount = quota[RESOURCE_OF[of]]
        return amount === undefined ? [] : [{ at: { cluster, namespace: quota.namespace }, amount: exact(amount) }]
      })
  }
}

function podUsage(of: Measured, { snapshot, usage }: ClusterState, window: UsageWindow): Contribution[] | undefined {
  const figures = usage.containers(of, window)
  return figures === undefined
    ? undefined
    : snapshot.pods.flatMap(pod =>
        [...(figures.get(pod.uid) ?? [])].map(([container, amount]) => ({
          at: places(pod, snapshot.clusterName, container),
          amount,
        })),
      )
}

/** The usage of nodes, which does not depend on selected namespaces or pods. */
function nodeUsage(
  of: Measured | HostMeasure,
  { snapshot, usage }: ClusterState,
  window: UsageWindow,
): Contribution[] | undefined {
  const figures = usage.nodes(of, window)
  if (figures === undefined) return undefined
  return [...figures].flatMap(([node, parts]) =>
    [...parts].map(([part, amount]) => ({
      at: { cluster: snapshot.clusterName, node, ...(part === '' ? {} : { state: part, direction: part }) },
      amount,
    })),
  )
}

/** The dimensions of pods and containers, which some fifty quantities share. */
const placesOfPods = new WeakMap<ClusterPod, Map<string, Contribution['at']>>()

/** The dimensions of a pod or of one of its containers. */
function places(pod: ClusterPod, cluster: string, container = ''): Contribution['at'] {
  const ofPod = placesOfPods.get(pod) ?? new Map<string, Contribution['at']>()
  placesOfPods.set(pod, ofPod)
  const place = ofPod.get(container) ?? {
    ...{ cluster, node: pod.node, namespace: pod.namespace, workload: pod.workload, workload_type: pod.workloadType },
    ...{ service: pod.workload, pod: pod.name, phase: pod.phase, ...(container === '' ? {} : { container }) },
  }
  ofPod.set(container, place)
  return place
}

function isPodMeasure(of: Quantity): of is Measured {
  return POD_MEASURES.has(of)
}

/** Whether a quantity is computed from spans. */
export function isCallMeasure(of: Quantity): of is CallMeasure {
  return CALL_MEASURES.has(of)
}

function isHostMeasure(of: Quantity): of is HostMeasure {
  return HOST_MEASURES.has(of)
}
