import { LabError } from '../cli/errors.ts'
import { ApiStatusError } from '../kube/api-client.ts'
import { fields, items } from '../kube/json.ts'
import {
  kubeletCertificates,
  kubeletSlow,
  networkErrors,
  nodeScrapesRefused,
  scenarioAnnotation,
} from '../lab/manifest.ts'
import { annotatedScenario, HOLD_MS } from './annotated-scenario.ts'
import { createPods, isReady, nodeGone, nodePath, podPath, podsOf, podToCreate } from './node-scenarios.ts'
import { objectScenario } from './object-scenario.ts'
import { app, workload } from './object-scenarios.ts'
import { call, patch, type Scenario, type ScenarioRun, TargetGoneError, writeEvent } from './scenario.ts'

/** The time from the notice of a cloud to the end of a machine. */
const NOTICE_MS = 30_000
/** When the pod of a DaemonSet runs. */
const TAINT_MS = 15_000
/** The version of a kubelet that was not upgraded. */
const OLD_VERSION = 'v1.35.0'

type Fields = Record<string, unknown>

/** The node before the scenario, the pods of it that no controller creates again, and the change. */
interface Held {
  metadata: Fields
  spec: Fields
  status: Fields
  pods: Fields[]
  wanted: unknown
}

/** What a scenario changes of a node, as strategic merge patches: to `wanted`, and back to what was there `before`. */
interface NodeChange {
  subresource?: 'status'
  wanted: (node: Fields, pods: readonly Fields[]) => unknown
  before: (held: Held, node: Fields) => unknown
  /** Evicts the pods. */
  evicts?: true
}

/** Scenarios of a node that KWOK goes on simulating. */
export const nodeChanges: readonly Scenario[] = [
  {
    name: 'node-drained',
    does: 'The node is cordoned, and its pods are evicted, but for those of DaemonSets. Disruption budgets hold.',
    effect: '5 s',
    heals: 'The node accepts pods again. Evicted pods that no controller creates again are created again.',
    shows: 'The node has few pods, and others have more.',
    alerts: { otel: [], prometheus: [] },
    ...nodeChange({
      wanted: () => ({ spec: { unschedulable: true } }),
      before: ({ spec }) => ({ spec: { unschedulable: spec['unschedulable'] ?? null } }),
      evicts: true,
    }),
  },
  {
    name: 'daemonset-misscheduled',
    notInCluster: 'inside a cluster simulated nodes have no label kubernetes.io/hostname, by which it selects the node',
    does: 'A DaemonSet of the node, and after 15 s a taint on the node that it does not tolerate. Its pod stays.',
    effect: '25 s',
    heals: 'The taint and the DaemonSet are removed.',
    shows: 'A DaemonSet has a pod on a node that it should not run on.',
    alerts: { otel: [], prometheus: ['KubeDaemonSetMisScheduled', 'KubeDaemonSetRolloutStuck'] },
    ...misscheduled(),
  },
  {
    name: 'node-pods-full',
    does: 'The node may have as many pods as it has: no pod can be added.',
    effect: '1 s',
    heals: 'The node may have as many pods as before.',
    shows: 'The node has all the pods that it may have.',
    alerts: { otel: [], prometheus: ['KubeletTooManyPods'] },
    ...nodeChange({
      subresource: 'status',
      wanted: (_, all) => {
        const pods = { pods: String(all.filter(stays).length) }
        return { status: { capacity: pods, allocatable: pods } }
      },
      before: ({ status: { capacity, allocatable } }) => {
        const [most, free] = [capacity, allocatable].map(each => ({ pods: fields(each)['pods'] ?? null }))
        return { status: { capacity: most, allocatable: free } }
      },
    }),
  },
  {
    name: 'kubelet-version-skew',
    does: `The kubelet has version ${OLD_VERSION}, as if it had not been upgraded.`,
    effect: '1 s',
    heals: 'The kubelet has the version that it had.',
    shows: "The kubelet's version.",
    alerts: { otel: [], prometheus: ['KubeVersionMismatch'] },
    ...nodeChange({
      subresource: 'status',
      wanted: () => ({ status: { nodeInfo: { kubeletVersion: OLD_VERSION } } }),
      before: ({ status }) => ({
        status: { nodeInfo: { kubeletVersion: fields(status['nodeInfo'])['kubeletVersion'] } },
      }),
    }),
  },
  {
    name: nodeScrapesRefused,
    does: 'The node runs, but its kubelet and node exporter refuse connections, as behind a firewall.',
    effect: '1 s',
    heals: 'The kubelet and the node exporter answer.',
    shows: 'The series of the node and its pods end; the API has no change.',
    alerts: { otel: ['NodeWithoutUsage'], prometheus: ['KubeletInstanceUnreachable'] },
    ...nodeChange(),
  },
  {
    name: kubeletSlow,
    does: 'The node runs, but its kubelet and node exporter accept requests and do not answer. After 30 s they end the connection.',
    effect: '1 s',
    heals: 'The kubelet and the node exporter answer.',
    shows: 'As node-scrapes-refused, but the scrapes of Prometheus time out.',
    alerts: { otel: ['NodeWithoutUsage'], prometheus: ['KubeletInstanceUnreachable'] },
    ...nodeChange(),
  },
  {
    name: networkErrors,
    does: 'The network interface of the node has 100 receive and 50 transmit errors a second.',
    effect: '1 s',
    heals: 'The counters of errors stay as they are.',
    shows: 'Network errors of the node, not of its pods.',
    alerts: { otel: [], prometheus: ['NodeNetworkReceiveErrs', 'NodeNetworkTransmitErrs'] },
    ...nodeChange(),
  },
  {
    name: 'spot-termination',
    notInCluster: 'inside a cluster no account of the lab may create and delete nodes',
    does: 'The cloud reclaims the machine: the node is tainted and drained, and after 30 s it is deleted.',
    effect: '35 s (pods of its DaemonSets: up to two minutes)',
    heals: 'A node of the same name and size is created. Pods that no controller creates again are created again.',
    shows: 'The cluster has one node less, and the series of the node end.',
    alerts: { otel: [], prometheus: [] },
    ...spotTermination(),
  },
  {
    name: kubeletCertificates,
    does: "The kubelet's certificates expire in 12 hours, and each renewal fails.",
    effect: '1 s',
    heals: 'The certificates are valid as before.',
    shows: 'Nothing: the lab has no metric of it. With METRICS=both, the metrics of the kubelet.',
    alerts: {
      otel: [],
      prometheus: [
        'KubeletClientCertificateExpiration',
        'KubeletServerCertificateExpiration',
        'KubeletClientCertificateRenewalErrors',
        'KubeletServerCertificateRenewalErrors',
      ],
    },
    ...nodeChange(),
  },
]

/** Without a change only the annotation, which the stats proxy reads. */
function nodeChange(change?: NodeChange): Pick<Scenario, 'target' | 'hold' | 'undo'> {
  const patchNode = async (run: ScenarioRun, body: unknown) =>
    await patch(run.client, change?.subresource === undefined ? nodePath(run) : `${nodePath(run)}/status`, body)
  return {
    target: 'node',
    ...annotatedScenario<Held>({
      path: nodePath,
      goneText: nodeGone,
      async keep(run, node) {
        const { capacity, allocatable, nodeInfo, addresses, daemonEndpoints } = fields(node['status'])
        const { name, labels, annotations } = fields(node['metadata'])
        const pods = await podsOf(run)
        return {
          metadata: { name, labels, annotations },
          spec: fields(node['spec']),
          status: { capacity, allocatable, nodeInfo, addresses, daemonEndpoints },
          pods: change?.evicts ? pods.flatMap(podToCreate) : [],
          wanted: change?.wanted(node, pods),
        }
      },
      async hold(run, _, { wanted }) {
        if (wanted !== undefined) await patchNode(run, wanted)
        if (change?.evicts) await evictAll(run)
      },
      async undo(run, node, held) {
        if (change !== undefined) await patchNode(run, change.before(held, node))
        await createPods(run, held)
      },
    }),
  }
}

/** Evicts the pods that a drain would. A disruption budget may refuse one until later. */
async function evictAll(run: ScenarioRun): Promise<void> {
  for (const pod of (await podsOf(run)).filter(each => !isOwnedBy(each, 'DaemonSet'))) {
    const { namespace, name, deletionTimestamp } = fields(pod['metadata'])
    if (deletionTimestamp !== undefined) continue
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } }
    await call(run.client, 'POST', `${podPath(pod)}/eviction`, { body }).catch((error: unknown) => {
      if (!(error instanceof ApiStatusError && error.status === 429)) throw error
    })
  }
}

/** A DaemonSet and, once its pod runs, a taint. */
function misscheduled(): Pick<Scenario, 'target' | 'hold' | 'undo'> {
  const daemonSet = objectScenario(async run => {
    const template = app(run)
    Object.assign(template.spec, { nodeSelector: { 'kubernetes.io/hostname': run.target } })
    const object = workload({ target: 'default' }, 'DaemonSet', { template })
    // kube-controller-manager does not look at the taint until the DaemonSet changes.
    const changed = workload({ target: 'default' }, 'DaemonSet', { template, minReadySeconds: 1 }).manifest
    return { ...object, changed, name: `scenario-${run.name}-${run.target}` }
  })
  const taint = nodeChange({
    wanted: node => ({ spec: { taints: [...otherTaints(node), { key: scenarioAnnotation, effect: 'NoSchedule' }] } }),
    before: (_, node) => ({ spec: { taints: otherTaints(node) } }),
  })
  const part = (run: ScenarioRun, name: string): ScenarioRun => ({
    ...run,
    get saved() {
      return fields(run.saved)[name]
    },
    save: value => run.save({ ...fields(run.saved), [name]: value }),
  })
  return {
    target: 'node',
    async hold(run) {
      await daemonSet.hold(part(run, 'daemonSet'))
      if (Date.now() >= run.startMs + TAINT_MS) await taint.hold(part(run, 'taint'))
      return HOLD_MS
    },
    async undo(run) {
      await taint.undo(part(run, 'taint'))
      await daemonSet.undo(part(run, 'daemonSet'))
    },
  }
}

/** A node that its cloud reclaims, and that has a successor of the same name when it is healed. */
function spotTermination(): Pick<Scenario, 'target' | 'hold' | 'undo'> {
  const notice = nodeChange({
    wanted: node => ({
      spec: { unschedulable: true, taints: [...otherTaints(node), { key: scenarioAnnotation, effect: 'NoSchedule' }] },
    }),
    before: ({ spec }, node) => ({ spec: { unschedulable: spec['unschedulable'] ?? null, taints: otherTaints(node) } }),
    evicts: true,
  })
  const eventOf = async (run: ScenarioRun, component: string, reason: string, message: string) => {
    const uid = String(fields(run.saved)['uid'])
    const source = { involved: { kind: 'Node', name: run.target, uid }, component, host: run.target }
    const atMs = run.startMs + (component === CLOUD ? NOTICE_MS : 0)
    await writeEvent(run, source, { type: 'Warning', reason, message, count: 1, firstMs: atMs, lastMs: atMs })
  }
  return {
    target: 'node',
    async hold(run) {
      const leftMs = run.startMs + NOTICE_MS - Date.now()
      if (leftMs > 0 || run.saved === undefined) {
        await notice.hold(run)
        await eventOf(run, 'node-termination-handler', 'SpotInterruption', `The machine of ${run.target} ends in 30 s`)
        return Math.max(0, Math.min(HOLD_MS, leftMs))
      }
      const node = fields(await call(run.client, 'GET', nodePath(run)))
      const { uid } = fields(node['metadata'])
      if (uid === undefined) return HOLD_MS
      if (uid !== fields(run.saved)['uid']) throw new TargetGoneError(`The node ${run.target} was created again`)
      const why = `Deleting node ${run.target} because it does not exist in the cloud provider`
      await eventOf(run, CLOUD, 'DeletingNode', why)
      await call(run.client, 'DELETE', nodePath(run))
      return HOLD_MS
    },
    async undo(run) {
      if (run.saved === undefined) return
      const held = run.saved as Held
      const found = await call(run.client, 'GET', nodePath(run))
      if (fields(fields(found)['metadata'])['uid'] === fields(run.saved)['uid']) return await notice.undo(run)
      if (found === undefined) {
        const { metadata, spec, status } = held
        const body = { apiVersion: 'v1', kind: 'Node', metadata, spec, status }
        await call(run.client, 'POST', '/api/v1/nodes', { body })
      }
      if (!isReady(found)) throw new LabError(`The node ${run.target} is not Ready yet`)
      await createPods(run, held)
    },
  }
}

const CLOUD = 'cloud-node-lifecycle-controller'

/** Whether a pod runs until it is deleted. */
function stays(pod: Fields): boolean {
  return fields(pod['status'])['phase'] === 'Running' && !isOwnedBy(pod, 'Job')
}

function isOwnedBy({ metadata }: Fields, kind: string): boolean {
  return items(fields(metadata)['ownerReferences']).some(owner => fields(owner)['kind'] === kind)
}

function otherTaints(node: Fields): unknown[] {
  return items(fields(node['spec'])['taints']).filter(each => fields(each)['key'] !== scenarioAnnotation)
}
