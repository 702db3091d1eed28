import { refusesScrapes, scenarioOf } from '../../lab/manifest.ts'
import { type CallMeasure, callFigures, callMeasures } from './call-truth.ts'
import {
  type ClusterNode,
  type ClusterPod,
  type ClusterSnapshot,
  CONDITIONS,
  type Resources,
} from './cluster-snapshot.ts'
import type { Dimension, Place } from './dimensions.ts'
import { kwokSystemUsage, kwokUsage } from './kwok-usage.ts'
import type { ClusterState } from './pass-criteria.ts'
import {
  type Bounds,
  boundsOf,
  containerMeasures,
  exact,
  type HostMeasure,
  hostMeasures,
  type Measured,
  networkMeasures,
  type SpaceFigures,
  type UsageWindow,
} from './usage-bounds.ts'

/** One object that counts for a quantity: its dimensions and its amount. */
export interface Contribution {
  at: Place
  amount: Bounds
}

/** How a quantity is asked for. */
interface Options {
  by: readonly Dimension[]
  /** Includes the usage of the node's system, not only that of its pods. */
  withSystem?: boolean
}

type Count = (snapshot: ClusterSnapshot, options: Options) => readonly Contribution[]
type Measure = (state: ClusterState, window: UsageWindow, options: Options) => readonly Contribution[] | undefined

/** Quantities that are counted, and compared exactly. */
const COUNTED = {
  nodes: ({ nodes, clusterName: cluster }, { by }) => {
    if (!by.includes('condition')) return nodes.map(({ name }) => one({ cluster, node: name }))
    return nodes.flatMap(({ name, conditions }) =>
      CONDITIONS.filter(condition => conditions.get(condition) === 'True').map(condition =>
        one({ cluster, node: name, condition }),
      ),
    )
  },
  /** 1 for True, 0 for False, -1 for Unknown, by `condition`. */
  'node-condition': ({ nodes, clusterName: cluster }) =>
    nodes.flatMap(({ name, conditions }) =>
      CONDITIONS.map(condition => {
        const state = conditions.get(condition)
        const amount = exact(state === 'True' ? 1 : state === 'False' ? 0 : -1)
        return { at: { cluster, node: name, condition }, amount }
      }),
    ),
  namespaces: ({ namespaces, clusterName: cluster }) => namespaces.map(namespace => one({ cluster, namespace })),
  workloads: ({ pods, clusterName: cluster }) => {
    const workloads = new Map(
      pods.map(({ namespace, workload, workloadType }) => [
        [namespace, workloadType, workload].join('\u0000'),
        { cluster, namespace, workload, workload_type: workloadType },
      ]),
    )
    return [...workloads.values()].map(one)
  },
  pods: snapshot => ofPods(snapshot, () => true),
  'running-pods': snapshot => ofPods(snapshot, isRunning),
  /** Measured pods without `hostNetwork`. */
  'networked-pods': snapshot => ofPods(answering(snapshot), pod => isRunning(pod) && !pod.hostNetwork),
  /** Measured containers. One that was restarted or has ended may be missing. */
  containers: snapshot =>
    ofContainers(answering(snapshot), ({ isSteady }, pod) =>
      isRunning(pod) ? { least: isSteady ? 1 : 0, most: 1 } : undefined,
    ),
  /** Bound to a node, running or not: KWOK serves all containers on a node, those of finished pods too. */
  'placed-containers': snapshot => ofContainers(snapshot, (_, pod) => (pod.node === '' ? undefined : 1)),
  'cpu-requests': snapshot => ofResource(snapshot, 'cpuRequests'),
  'cpu-limits': snapshot => ofResource(snapshot, 'cpuLimits'),
  'memory-requests': snapshot => ofResource(snapshot, 'memoryRequests'),
  'memory-limits': snapshot => ofResource(snapshot, 'memoryLimits'),
  'cpu-allocatable': snapshot => ofNodes(snapshot, 'cpuAllocatable'),
  'memory-allocatable': snapshot => ofNodes(snapshot, 'memoryAllocatable'),
  'pods-allocatable': snapshot => ofNodes(snapshot, 'podsAllocatable'),
  'memory-capacity': snapshot => ofNodes(snapshot, 'memoryCapacity'),
  'measured-memory-capacity': snapshot => ofNodes(answering(snapshot), 'memoryCapacity'),
  'quota-cpu-requests': snapshot => ofQuotas(snapshot, 'cpuRequests'),
  'quota-cpu-limits': snapshot => ofQuotas(snapshot, 'cpuLimits'),
  'quota-memory-requests': snapshot => ofQuotas(snapshot, 'memoryRequests'),
  'quota-memory-limits': snapshot => ofQuotas(snapshot, 'memoryLimits'),
  'hpa-current': snapshot => ofAutoscalers(snapshot, 'current'),
  'hpa-desired': snapshot => ofAutoscalers(snapshot, 'desired'),
  'hpa-max': snapshot => ofAutoscalers(snapshot, 'max'),
  /** Counts of the trace simulator. */
  'trace-generators': ({ traced, clusterName: cluster }) => [
    { at: { cluster }, amount: exact(traced.generators.length) },
  ],
  'traced-services': ({ traced, clusterName: cluster }) => [{ at: { cluster }, amount: exact(traced.services) }],
  'trace-problems': ({ traced, clusterName: cluster }) => [{ at: { cluster }, amount: exact(traced.problems) }],
} as const satisfies Record<string, Count>

/** Quantities that are measured, and compared with a tolerance; undefined where the state does not tell. */
const MEASURED = {
  /** Usage by the usage model or the kubelets. A panel with a unit in bits shows bytes as bits. */
  ...forEach([...containerMeasures, ...networkMeasures], of => (state, window, { withSystem = false }) => {
    return withSystem ? nodeUsage(of, state, window) : podUsage(of, state, window)
  }),
  ...forEach(hostMeasures, of => (state, window) => nodeUsage(of, state, window)),
  /** Computed from the spans. */
  ...forEach(callMeasures, of => ({ calls, snapshot: { clusterName: cluster } }, window) => {
    return (
      calls && callFigures(calls, of, window).map(({ amount, ...where }) => ({ at: { cluster, ...where }, amount }))
    )
  }),
  /**
   * Restarts of existing containers within the dashboard's time range. The API has no time of each restart, and
   * increase() of a new series can double it.
   */
  restarts: ({ snapshot }) =>
    ofContainers(snapshot, ({ restarts }) => (restarts === undefined ? undefined : { least: 0, most: 2 * restarts })),
  'filesystem-used': state => ofDisks(state, 'usedBytes'),
  'filesystem-capacity': state => ofDisks(state, 'capacityBytes'),
  'volume-capacity': (state, window) => ofVolumes(state, 'capacityBytes', window),
  'volume-available': (state, window) => ofVolumes(state, 'availableBytes', window),
  'volume-used': (state, window) => ofVolumes(state, 'usedBytes', window),
  'volume-inodes': (state, window) => ofVolumes(state, 'inodes', window),
  'volume-inodes-free': (state, window) => ofVolumes(state, 'inodesFree', window),
  'volume-inodes-used': (state, window) => ofVolumes(state, 'inodesUsed', window),
  /** KWOK's own metrics, which are computed from usage objects alone. */
  'kwok-cpu-usage': (state, window, options) => ofKwok(state, 'cpu', window, options),
  'kwok-memory-working-set': (state, window, options) => ofKwok(state, 'memory', window, options),
} as const satisfies Record<string, Measure>

/** What the number of a panel counts or measures. Verify computes each quantity without PromQL. */
export type Quantity = keyof typeof COUNTED | keyof typeof MEASURED

/** Whether a quantity is measured, and compared with a tolerance, or counted, and compared exactly. */
export function isMeasured(of: Quantity): of is keyof typeof MEASURED {
  return of in MEASURED
}

/** Whether a quantity is computed from spans. */
export function isCallMeasure(of: Quantity): of is CallMeasure {
  return callMeasures.some(each => each === of)
}

/** All contributions to a quantity; undefined where the state does not tell. */
export function contributions(
  { of, ...options }: Options & { of: Quantity },
  state: ClusterState,
  window: UsageWindow,
): readonly Contribution[] | undefined {
  if (isMeasured(of)) return (MEASURED as Record<string, Measure>)[of]?.(state, window, options)
  const count: Count = COUNTED[of]
  return count(state.snapshot, options)
}

function forEach<Name extends string>(names: readonly Name[], make: (name: Name) => Measure): Record<Name, Measure> {
  return Object.fromEntries(names.map(name => [name, make(name)])) as Record<Name, Measure>
}

function one(at: Place): Contribution {
  return { at, amount: exact(1) }
}

/** The nodes whose kubelets answer, and their pods. */
function answering(snapshot: ClusterSnapshot): ClusterSnapshot {
  const silent = new Set(snapshot.nodes.flatMap(({ name, raw }) => (refusesScrapes(scenarioOf(raw)) ? [name] : [])))
  if (silent.size === 0) return snapshot
  const nodes = snapshot.nodes.filter(({ name }) => !silent.has(name))
  return { ...snapshot, nodes, pods: snapshot.pods.filter(({ node }) => !silent.has(node)) }
}

function isRunning({ phase }: ClusterPod): boolean {
  return phase === 'Running'
}

function ofPods({ pods, clusterName }: ClusterSnapshot, counts: (pod: ClusterPod) => boolean): Contribution[] {
  return pods.filter(counts).map(pod => one(places(pod, clusterName)))
}

/** The containers with an amount. */
function ofContainers(
  { pods, clusterName }: ClusterSnapshot,
  amountOf: (container: ClusterPod['containers'][number], pod: ClusterPod) => number | Bounds | undefined,
): Contribution[] {
  return pods.flatMap(pod =>
    pod.containers.flatMap(container => {
      const amount = amountOf(container, pod)
      if (amount === undefined) return []
      const at = places(pod, clusterName, container.name)
      return [{ at, amount: typeof amount === 'number' ? exact(amount) : amount }]
    }),
  )
}

/** Finished pods hold no resources. Pending pods hold their requests, but run no container. */
function ofResource(snapshot: ClusterSnapshot, resource: keyof Resources): Contribution[] {
  return ofContainers(snapshot, (container, { phase }) =>
    phase === 'Pending' || phase === 'Running' ? container[resource] : undefined,
  )
}

type NodeAmount = 'cpuAllocatable' | 'memoryAllocatable' | 'podsAllocatable' | 'memoryCapacity'

function ofNodes({ nodes, clusterName: cluster }: ClusterSnapshot, of: NodeAmount & keyof ClusterNode): Contribution[] {
  return nodes.map(node => ({ at: { cluster, node: node.name }, amount: exact(node[of]) }))
}

function ofQuotas({ quotas, clusterName: cluster }: ClusterSnapshot, resource: keyof Resources): Contribution[] {
  return quotas.flatMap(({ namespace, [resource]: amount }) =>
    amount === undefined ? [] : [{ at: { cluster, namespace }, amount: exact(amount) }],
  )
}

function ofAutoscalers(
  { autoscalers, clusterName: cluster }: ClusterSnapshot,
  of: 'current' | 'desired' | 'max',
): Contribution[] {
  return autoscalers.map(({ namespace, name, [of]: amount }) => ({
    at: { cluster, namespace, autoscaler: name },
    amount: exact(amount),
  }))
}

function ofDisks({ snapshot, usage }: ClusterState, of: keyof SpaceFigures): Contribution[] {
  const { clusterName: cluster } = snapshot
  return [...usage.disks()].map(([node, disk]) => ({ at: { cluster, node }, amount: exact(disk[of]) }))
}

/** The volumes of claims. Pods that share a claim have the same volume. */
function ofVolumes({ snapshot, usage }: ClusterState, of: keyof SpaceFigures, window: UsageWindow): Contribution[] {
  const claims = new Map<string, Contribution>()
  // One that fills up was emptier when it was measured.
  for (const atMs of [window.untilMs - window.lateMs, window.untilMs]) {
    for (const { pvcRef, [of]: amount } of usage.volumes(atMs)) {
      if (pvcRef === undefined) continue
      const at = { cluster: snapshot.clusterName, namespace: pvcRef.namespace, claim: pvcRef.name }
      const key = `${pvcRef.namespace}/${pvcRef.name}`
      const { least, most } = claims.get(key)?.amount ?? exact(amount)
      claims.set(key, { at, amount: boundsOf([least, most, amount]) })
    }
  }
  return [...claims.values()]
}

function ofKwok(
  { snapshot }: ClusterState,
  resource: 'cpu' | 'memory',
  window: UsageWindow,
  { withSystem = false }: Options,
): Contribution[] {
  const { clusterName: cluster, nodes, pods } = snapshot
  const figures = kwokUsage(snapshot, resource, window)
  const all = pods.flatMap(pod =>
    [...(figures.get(pod.uid) ?? [])].map(([container, amount]) => ({
      at: withSystem ? { cluster, node: pod.node } : places(pod, cluster, container),
      amount,
    })),
  )
  if (!withSystem) return all
  return [...all, ...nodes.map(({ name }) => ({ at: { cluster, node: name }, amount: kwokSystemUsage(resource) }))]
}

function podUsage(of: Measured, { snapshot, usage }: ClusterState, window: UsageWindow): Contribution[] | undefined {
  const figures = usage.containers(of, window)
  return (
    figures &&
    snapshot.pods.flatMap(pod =>
      [...(figures.get(pod.uid) ?? [])].map(([container, amount]) => ({
        at: places(pod, snapshot.clusterName, container),
        amount,
      })),
    )
  )
}

/** The usage of nodes, which does not depend on selected namespaces or pods. */
function nodeUsage(
  of: Measured | HostMeasure,
  { snapshot: { clusterName: cluster }, usage }: ClusterState,
  window: UsageWindow,
): Contribution[] | undefined {
  const figures = usage.nodes(of, window)
  return (
    figures &&
    [...figures].flatMap(([node, parts]) =>
      [...parts].map(([part, amount]) => ({
        at: part === '' ? { cluster, node } : { cluster, node, state: part, direction: part },
        amount,
      })),
    )
  )
}

/** The dimensions of pods and containers, which some fifty quantities share. */
const placesOfPods = new WeakMap<ClusterPod, Map<string, Place>>()

/** The dimensions of a pod or of one of its containers. */
function places(pod: ClusterPod, cluster: string, container = ''): Place {
  const ofPod = placesOfPods.get(pod) ?? new Map<string, Place>()
  placesOfPods.set(pod, ofPod)
  const known = ofPod.get(container)
  if (known !== undefined) return known
  const { node, namespace, workload, workloadType, name, phase } = pod
  const whole = { cluster, node, namespace, workload, service: workload, workload_type: workloadType, pod: name, phase }
  const place = container === '' ? whole : { ...whole, container }
  ofPod.set(container, place)
  return place
}
