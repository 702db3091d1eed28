import { LabError } from '../cli/errors.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { apiTime, conditionStatus, fields, items } from '../kube/json.ts'
import { listAll } from '../kube/object-counts.ts'
import { readinessCalls } from '../kwok/pod-readiness.ts'
import { scenarioLeaseHolder } from '../kwok/stale-leases.ts'
import { nodeUnreachable } from '../lab/manifest.ts'
import { annotatedScenario } from './annotated-scenario.ts'
import { annotate, call, patch, type Scenario, type ScenarioRun, writeEvent } from './scenario.ts'
import { scenarioCluster } from './scenario-cluster.ts'

/** KWOK takes a lease that nothing has renewed for as long: longer than a scenario lasts. */
const LEASE_SECONDS = 7 * 86_400

/** Longer than kube-controller-manager's grace period of 200 s and its monitor period of 25 s. */
const LOST_MS = 240_000
const LOST_TYPES = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

/** The node before the scenario. */
interface Held {
  /** The condition that the scenario changes: status, reason and message. */
  condition: Record<string, unknown>
  /** The pods of the node that no controller creates again. */
  pods: Record<string, unknown>[]
  /** UIDs of the pods that were evicted. */
  evicted?: string[]
}

/** A condition of a node, in the words of a kubelet. */
interface NodeCondition {
  type: string
  status: 'True' | 'False'
  reason: string
  message: string
}

const heals =
  'KWOK simulates the node again, and it is Ready. Evicted pods that no controller creates again are created again.'
const evicts = 'After five minutes its pods are evicted.'
const NETWORK =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized'

const notReady: NodeCondition = { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: NETWORK }
const memoryPressure = {
  type: 'MemoryPressure',
  reason: 'KubeletHasInsufficientMemory',
  message: 'kubelet has insufficient memory available',
}
/** A kubelet evicts one pod at a time: of these QoS classes first, and so many. Slowly enough that each scrape finds a higher counter. */
const EVICTED_FIRST = ['BestEffort', 'Burstable', 'Guaranteed']
const EVICT_EVERY_MS = 30_000
const MOST_EVICTED = 3
/** How long a flapping node has each condition: shorter than pods tolerate. */
const FLAP_MS = 60_000

/** Scenarios of a node: another holder has its lease, so that KWOK leaves the node and its pods alone. */
export const nodeScenarios: readonly Scenario[] = [
  {
    name: nodeUnreachable,
    does: `The node sends no heartbeats, and its kubelet and node exporter refuse connections. ${evicts}`,
    effect: '200 s (its kubelet at once)',
    shows: 'The series of the node and its pods end. Then the node is not ready, and its pods are terminating.',
    alerts: {
      otel: ['KubeNodeNotReady', 'NodeWithoutUsage'],
      prometheus: ['KubeNodeNotReady', 'KubeNodeUnreachable', 'KubeletInstanceUnreachable'],
    },
    ...nodeScenario(),
  },
  {
    name: 'node-not-ready',
    does: `The kubelet reports that its network plugin is not ready. ${evicts}`,
    effect: '5 s',
    shows: 'The node and its pods are not ready; their usage stays.',
    alerts: { otel: ['KubeNodeNotReady'], prometheus: ['KubeNodeNotReady'] },
    ...nodeScenario(notReady),
  },
  {
    name: 'node-flapping',
    does: 'The kubelet reports each other minute that its network plugin is not ready.',
    effect: '5 s, for 60 s of each 120 s',
    shows: 'The node and its pods are not ready each other minute.',
    alerts: { otel: [], prometheus: ['KubeNodeReadinessFlapping'] },
    ...nodeScenario(notReady, { flapMs: FLAP_MS }),
  },
  pressureScenario('memory', memoryPressure),
  {
    name: 'node-evictions',
    does: `The kubelet reports MemoryPressure and evicts up to ${MOST_EVICTED} pods, one every 30 s, but none of a DaemonSet.`,
    effect: '65 s',
    shows: 'The condition MemoryPressure, and Failed pods with the reason Evicted, which have no usage.',
    alerts: {
      otel: ['KubeNodeUnderPressure', 'KubePodFailed'],
      prometheus: ['KubeNodePressure', 'KubeNodeEviction'],
    },
    ...nodeScenario({ ...memoryPressure, status: 'True' }, { evicts: true }),
    heals: `${heals} Failed pods are deleted.`,
  },
  pressureScenario('disk', {
    type: 'DiskPressure',
    reason: 'KubeletHasDiskPressure',
    message: 'kubelet has disk pressure',
  }),
  pressureScenario('pid', {
    type: 'PIDPressure',
    reason: 'KubeletHasInsufficientPID',
    message: 'kubelet has insufficient PID available',
  }),
]

function pressureScenario(what: string, condition: Omit<NodeCondition, 'status'>): Scenario {
  return {
    name: `node-${what}-pressure`,
    does: `The kubelet reports ${condition.type}, and new pods go to other nodes. It evicts no pod.`,
    effect: '5 s',
    shows: `The condition ${condition.type}; the usage of the node stays.`,
    alerts: { otel: ['KubeNodeUnderPressure'], prometheus: ['KubeNodePressure'] },
    ...nodeScenario({ ...condition, status: 'True' }),
  }
}

/** Without a condition the node sends no heartbeats. With `flapMs` it has the condition every other time. */
function nodeScenario(
  failing?: NodeCondition,
  { flapMs = 0, evicts = false } = {},
): Pick<Scenario, 'target' | 'heals' | 'unfit' | 'hold' | 'undo'> {
  return {
    target: 'node',
    heals,
    async unfit(node, client) {
      if (!isReady(node)) return 'it is not Ready'
      const target = String(fields(fields(node)['metadata'])['name'])
      if (evicts && evictable(await podsOf({ client, target })).length === 0) return 'it has no pods to evict'
      return undefined
    },
    ...annotatedScenario<Held>({
      path: nodePath,
      goneText: nodeGone,
      async keep(run, node) {
        const { status, reason, message } = conditionOf(node, failing?.type ?? 'Ready')
        return { condition: { status, reason, message }, pods: (await podsOf(run)).flatMap(podToCreate) }
      },
      async hold(run, node, { condition }) {
        await holdLease(run, failing !== undefined)
        if (failing === undefined) {
          if (Date.now() > run.startMs + LOST_MS && isReady(node)) await markLost(run)
          return
        }
        const isHealthy = flapMs > 0 && Math.floor((Date.now() - run.startMs) / flapMs) % 2 === 1
        await setCondition(run, node, isHealthy ? { type: failing.type, ...condition } : { ...failing })
        if (isHealthy) await callAll(run.client, readinessCalls(await podsOf(run), new Map([[run.target, true]])))
        if (evicts) await evictPods(run, String(fields(node['metadata'])['uid']))
        // Its kubelet ends deleted pods, and KWOK does not.
        const isDeleted = (pod: Record<string, unknown>) => fields(pod['metadata'])['deletionTimestamp'] !== undefined
        await deletePods(run, (await podsOf(run)).filter(isDeleted))
      },
      async undo(run, node, held) {
        const { condition, evicted = [] } = held
        // KWOK takes a lease without a holder within ten seconds.
        const lease = await call(run.client, 'GET', leasePath(run))
        if (fields(fields(lease)['spec'])['holderIdentity'] === scenarioLeaseHolder) {
          if (failing !== undefined) await setCondition(run, node, { type: failing.type, ...condition })
          await patchLease(run, { holderIdentity: null, leaseDurationSeconds: null, renewTime: null })
        }
        if (!isReady(await call(run.client, 'GET', nodePath(run)))) {
          throw new LabError(`The node ${run.target} is not Ready yet`)
        }
        const isEvicted = (pod: Record<string, unknown>) => evicted.includes(String(fields(pod['metadata'])['uid']))
        await deletePods(run, (await podsOf(run)).filter(isEvicted))
        await createPods(run, held)
        await callAll(run.client, readinessCalls(await podsOf(run), new Map([[run.target, true]])))
      },
    }),
  }
}

export function nodeGone({ target }: ScenarioRun): string {
  return `The node ${target} was deleted`
}

/** Creates pods with their nodes. A kubelet reports such a pod as scheduled; KWOK leaves that to the scheduler, which does not see it. */
export async function createPods({ client }: ScenarioRun, { pods }: Pick<Held, 'pods'>): Promise<void> {
  const lastTransitionTime = apiTime(Date.now())
  const scheduled = { status: { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime }] } }
  await callAll(
    client,
    pods.map(pod => ({ method: 'POST', path: collectionPath(pod), body: pod })),
  )
  await callAll(
    client,
    pods.map(pod => ({ method: 'PATCH', path: `${podPath(pod)}/status`, body: scheduled })),
  )
}

async function deletePods({ client }: ScenarioRun, pods: readonly Record<string, unknown>[]): Promise<void> {
  const body = { gracePeriodSeconds: 0 }
  await callAll(
    client,
    pods.map(pod => ({ method: 'DELETE', path: podPath(pod), body })),
  )
}

/** Evicts the pods that are due, in the words of a kubelet. The Pods stay, as Failed. */
async function evictPods(run: ScenarioRun, nodeUid: string): Promise<void> {
  const held = run.saved as Held
  const { evicted = [] } = held
  const nowMs = Date.now()
  const due = Math.min(MOST_EVICTED, 1 + Math.floor((nowMs - run.startMs) / EVICT_EVERY_MS)) - evicted.length
  const candidates = evictable(await podsOf(run))
  const at = { count: 1, firstMs: nowMs, lastMs: nowMs }
  for (const pod of candidates.slice(0, Math.max(0, due))) {
    const { namespace, name, uid } = fields(pod['metadata'])
    // First: healing deletes what is listed.
    evicted.push(String(uid))
    run.save({ ...held, evicted })
    const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi. '
    await annotate(run.client, podPath(pod), pod, run.name)
    await patch(run.client, `${podPath(pod)}/status`, evictedStatus(pod, message, nowMs))
    const involved = { kind: 'Pod', namespace: String(namespace), name: String(name), uid: String(uid) }
    const source = { involved, component: 'kubelet', host: run.target }
    await writeEvent(run, source, { type: 'Warning', reason: 'Evicted', message, ...at })
    if (!scenarioCluster(run.lab).hasNodeEvents) continue
    const ofNode = { ...source, involved: { kind: 'Node', name: run.target, uid: nodeUid } }
    const reclaims = 'Attempting to reclaim memory'
    await writeEvent(run, ofNode, { type: 'Warning', reason: 'EvictionThresholdMet', message: reclaims, ...at })
  }
}

/** The pods that a kubelet would evict, the first first. */
function evictable(pods: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  const rank = ({ status }: Record<string, unknown>) => EVICTED_FIRST.indexOf(String(fields(status)['qosClass']))
  const isOf = ({ kind }: Record<string, unknown>) => kind === 'DaemonSet' || kind === 'Node'
  return pods
    .filter(({ status }) => fields(status)['phase'] === 'Running')
    .filter(({ metadata }) => !items(fields(metadata)['ownerReferences']).map(fields).some(isOf))
    .sort((a, b) => rank(a) - rank(b))
}

/** The status of a pod that its kubelet has ended, as a patch. */
function evictedStatus(pod: unknown, message: string, nowMs: number): unknown {
  const lastTransitionTime = apiTime(nowMs)
  const ended = (type: string) => ({ type, status: 'False', reason: 'PodFailed', lastTransitionTime })
  const disrupted = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }
  return {
    status: {
      phase: 'Failed',
      reason: 'Evicted',
      message,
      conditions: [ended('Ready'), ended('ContainersReady'), { ...disrupted, lastTransitionTime }],
      // The API replaces the whole list.
      containerStatuses: items(fields(fields(pod)['status'])['containerStatuses']).map(each => {
        const { state, ...others } = fields(each)
        const { startedAt = lastTransitionTime } = fields(fields(state)['running'])
        const terminated = { exitCode: 137, reason: 'Error', startedAt, finishedAt: lastTransitionTime }
        return { ...others, ready: false, state: { terminated } }
      }),
    },
  }
}

async function holdLease(run: ScenarioRun, isRenewed: boolean): Promise<void> {
  const lease = await call(run.client, 'GET', leasePath(run))
  if (lease === undefined) throw new LabError(`The node ${run.target} has no lease yet`)
  if (!isRenewed && fields(fields(lease)['spec'])['holderIdentity'] === scenarioLeaseHolder) return
  // The last heartbeat of an unreachable node too: kube-controller-manager (1.37) takes a lease that changes without one for a stale cache,
  // and never marks the node. Microseconds, as the API wants them.
  const renewTime = new Date().toISOString().replace('Z', '000Z')
  await patchLease(run, { holderIdentity: scenarioLeaseHolder, leaseDurationSeconds: LEASE_SECONDS, renewTime })
}

/**
 * Marks node and pods as kube-controller-manager does after the last heartbeat. KWOK may write one more that it had planned within ten minutes,
 * after which kube-controller-manager waits again, or takes a lost node for a healthy one.
 */
async function markLost(run: ScenarioRun): Promise<void> {
  const lastTransitionTime = apiTime(Date.now())
  const unknown = { status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }
  const conditions = LOST_TYPES.map(type => ({ type, ...unknown, lastTransitionTime }))
  await patch(run.client, `${nodePath(run)}/status`, { status: { conditions } })
  const ready = (await podsOf(run)).filter(isReady)
  const body = { status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime }] } }
  await callAll(
    run.client,
    ready.map(pod => ({ method: 'PATCH', path: `${podPath(pod)}/status`, body })),
  )
}

async function patchLease(run: ScenarioRun, spec: Record<string, unknown>): Promise<void> {
  await patch(run.client, leasePath(run), { spec })
}

/** Writes a condition unless the node has it. */
async function setCondition(run: ScenarioRun, node: unknown, wanted: Record<string, unknown>): Promise<void> {
  const found = conditionOf(node, String(wanted['type']))
  const now = apiTime(Date.now())
  const isSame = ['status', 'reason', 'message'].every(name => found[name] === wanted[name])
  if (isSame) return
  const transition = found['status'] === wanted['status'] ? {} : { lastTransitionTime: now }
  const conditions = [{ ...wanted, lastHeartbeatTime: now, ...transition }]
  await patch(run.client, `${nodePath(run)}/status`, { status: { conditions } })
}

function conditionOf(node: unknown, type: string): Record<string, unknown> {
  const conditions = items(fields(fields(node)['status'])['conditions']).map(fields)
  return conditions.find(each => each['type'] === type) ?? {}
}

/** Of a node or a pod. */
export function isReady(object: unknown): boolean {
  return conditionStatus(fields(object), 'Ready') === 'True'
}

export async function podsOf({ client, target }: Pick<ScenarioRun, 'client' | 'target'>) {
  return (await listAll(client, `/api/v1/pods?fieldSelector=spec.nodeName%3D${target}`)).map(fields)
}

/** A pod as it was created; none for a pod with a controller, or one that is being deleted. */
export function podToCreate({ metadata, spec }: Record<string, unknown>): Record<string, unknown>[] {
  const { name, namespace, labels, annotations, ownerReferences, deletionTimestamp } = fields(metadata)
  if (deletionTimestamp !== undefined || items(ownerReferences).length > 0) return []
  return [{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels, annotations }, spec }]
}

function collectionPath(pod: Record<string, unknown>): string {
  return `/api/v1/namespaces/${fields(pod['metadata'])['namespace']}/pods`
}

export function podPath(pod: Record<string, unknown>): string {
  return `${collectionPath(pod)}/${fields(pod['metadata'])['name']}`
}

export function nodePath({ target }: ScenarioRun): string {
  return `/api/v1/nodes/${target}`
}

function leasePath({ target }: ScenarioRun): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${target}`
}
