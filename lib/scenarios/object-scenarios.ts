import { randomUUID } from 'node:crypto'
import { apiTime, fields, nameOf } from '../kube/json.ts'
import { listAll } from '../kube/object-counts.ts'
import {
  allocatable,
  type ObjectOf,
  objectScenario,
  podCount,
  requestedCores,
  type ScenarioObject,
} from './object-scenario.ts'
import type { Scenario, ScenarioRun } from './scenario.ts'
import { scenarioCluster } from './scenario-cluster.ts'

type Client = ScenarioRun['client']

/** KubeJobNotCompleted fires after 12 hours. */
const SLOW_JOB_MS = 13 * 3_600_000

/** Scenarios that are an object in a namespace, or for one. */
const ofNamespaces: readonly (Omit<Scenario, 'target' | 'heals' | 'hold' | 'undo'> & { objectOf: ObjectOf })[] = [
  {
    name: 'pod-pending',
    unfit: withQuota,
    does: 'A Deployment of one pod that requests more CPU than any node has, so that the scheduler finds no node for it.',
    effect: '2 s',
    shows: 'A pod is Pending, and a Deployment lacks a replica. Its requests count.',
    alerts: {
      otel: ['KubePodStuckPending', 'KubeDeploymentReplicasMissing'],
      prometheus: ['KubePodNotReady', 'KubeDeploymentReplicasMismatch'],
    },
    objectOf: async run => await pending(run, 'Deployment'),
  },
  {
    name: 'rollout-stuck',
    runsPods: true,
    unfit: withQuota,
    does: 'A Deployment whose second version requests more CPU than any node has, and that exceeds its progress deadline of 10 s.',
    effect: '35 s',
    shows: 'A pod is Pending, and the Deployment has the pod of its first version.',
    alerts: { otel: ['KubePodStuckPending'], prometheus: ['KubeDeploymentRolloutStuck', 'KubePodNotReady'] },
    objectOf: async run => await stuckUpdate(run, 'Deployment', { replicas: 1, progressDeadlineSeconds: 10 }),
  },
  {
    name: 'statefulset-replica-missing',
    unfit: withQuota,
    does: 'A StatefulSet of one pod that requests more CPU than any node has.',
    effect: '2 s',
    shows: 'A pod is Pending, and a StatefulSet lacks a replica.',
    alerts: {
      otel: ['KubePodStuckPending'],
      prometheus: ['KubeStatefulSetReplicasMismatch', 'KubePodNotReady'],
    },
    objectOf: async run => await pending(run, 'StatefulSet'),
  },
  {
    name: 'statefulset-update-stuck',
    runsPods: true,
    unfit: withQuota,
    does: 'A StatefulSet of two pods whose second version requests more CPU than any node has: its update waits at the first pod.',
    effect: '25 s',
    shows: 'A pod is Pending, and a StatefulSet lacks a replica.',
    alerts: {
      otel: ['KubePodStuckPending'],
      prometheus: ['KubeStatefulSetUpdateNotRolledOut', 'KubeStatefulSetReplicasMismatch', 'KubePodNotReady'],
    },
    objectOf: async run => await stuckUpdate(run, 'StatefulSet', { replicas: 2 }),
  },
  {
    name: 'daemonset-not-scheduled',
    does: 'A DaemonSet with a service account that does not exist, so that no pod of it can be created.',
    effect: '2 s',
    shows: 'A DaemonSet lacks all of its pods.',
    alerts: { otel: [], prometheus: ['KubeDaemonSetNotScheduled', 'KubeDaemonSetRolloutStuck'] },
    objectOf: async run => {
      const template = app(run)
      Object.assign(template.spec, { serviceAccountName: 'no-such-account' })
      return workload(run, 'DaemonSet', { template })
    },
  },
  {
    name: 'hpa-maxed',
    notInCluster: 'inside a cluster autoscalers have no metrics of simulated pods',
    unfit: async (namespace, client) =>
      (await deploymentToScale(client, nameOf(namespace))) === undefined
        ? 'it has no Deployment of two or more pods without an autoscaler'
        : undefined,
    does: 'A HorizontalPodAutoscaler whose maximum is the number of pods that a Deployment has, and whose target is 1 % CPU.',
    effect: '30 s',
    shows: 'An autoscaler is at its maximum.',
    alerts: { otel: ['KubeHpaMaxedOut'], prometheus: ['KubeHpaMaxedOut'] },
    objectOf: async run => {
      const { name, replicas } = (await deploymentToScale(run.client, run.target)) ?? { name: 'none', replicas: 2 }
      const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 1 } }
      const spec = {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: 1,
        maxReplicas: replicas,
        metrics: [{ type: 'Resource', resource }],
      }
      const manifest = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', spec }
      return { collection: `/apis/autoscaling/v2/namespaces/${run.target}/horizontalpodautoscalers`, manifest }
    },
  },
  {
    name: 'pdb-not-enough',
    unfit: withoutPods,
    does: 'A PodDisruptionBudget that needs one pod more than the namespace has: no pod can be evicted.',
    effect: '5 s',
    shows: 'Nothing: the lab has no metric of it. With METRICS=both, a budget without enough healthy pods.',
    alerts: { otel: [], prometheus: ['KubePdbNotEnoughHealthyPods'] },
    objectOf: async run => {
      const spec = { minAvailable: 1 + (await podCount(run.client, run.target)), selector: {} }
      const manifest = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', spec }
      return { collection: `/apis/policy/v1/namespaces/${run.target}/poddisruptionbudgets`, manifest }
    },
  },
  {
    name: 'job-failed',
    unfit: withQuota,
    does: 'A Job whose pod finds no node and that exceeds its deadline of 10 s.',
    effect: '15 s',
    shows: 'A Job has failed, and has no pod.',
    alerts: { otel: ['KubeJobFailed'], prometheus: ['KubeJobFailed'] },
    objectOf: async run => job(run, { activeDeadlineSeconds: 10 }, await tooMuch(run.client)),
  },
  {
    name: 'job-slow',
    does: 'A Job that has run for 13 hours, by its status. The controller manager leaves it alone, so it has no pod.',
    effect: '2 s',
    shows: 'A Job is active.',
    alerts: { otel: [], prometheus: ['KubeJobNotCompleted'] },
    objectOf: async run => ({
      ...job(run, { managedBy: 'kube-otel-lab/scenario' }),
      status: { active: 1, startTime: apiTime(run.startMs - SLOW_JOB_MS) },
    }),
  },
  {
    name: 'quota-full',
    unfit: withoutPods,
    does: 'A ResourceQuota that allows as many pods as the namespace has: no pod can be added.',
    effect: '5 s',
    shows: 'The quota is used to 100 %.',
    alerts: { otel: ['KubeQuotaNearlyFull'], prometheus: ['KubeQuotaFullyUsed'] },
    objectOf: async run => quota(run, { pods: String(await podCount(run.client, run.target)) }),
  },
  {
    name: 'quota-almost-full',
    unfit: withoutRequests,
    does: 'A ResourceQuota of which the requests of the namespace use 95 %.',
    effect: '5 s',
    shows: 'The quota is used to 95 %.',
    alerts: { otel: ['KubeQuotaNearlyFull'], prometheus: ['KubeQuotaAlmostFull'] },
    objectOf: async run => quotaUsedTo(run, 0.95),
  },
  {
    name: 'quota-exceeded',
    unfit: withoutRequests,
    does: 'A ResourceQuota of half the CPU that the namespace requests, as if it had been lowered.',
    effect: '5 s',
    shows: 'The quota is used to 200 %.',
    alerts: { otel: ['KubeQuotaNearlyFull'], prometheus: ['KubeQuotaExceeded'] },
    objectOf: async run => quotaUsedTo(run, 2),
  },
  {
    name: 'quota-overcommit',
    does: 'A ResourceQuota of twice the CPU and memory that all nodes have.',
    effect: '5 s',
    shows: 'A quota that is larger than the cluster.',
    alerts: { otel: [], prometheus: ['KubeCPUQuotaOvercommit', 'KubeMemoryQuotaOvercommit'] },
    objectOf: async run => {
      const { cores, bytes } = await allocatable(run.client)
      return quota(run, { 'requests.cpu': whole(2 * cores), 'requests.memory': whole(2 * bytes) })
    },
  },
  {
    name: 'overcommit',
    unfit: withQuota,
    does: 'A Deployment of one pod that requests the CPU and memory of all nodes together.',
    effect: '2 s',
    shows: 'A pod is Pending, and the requests are larger than the cluster.',
    alerts: {
      otel: ['KubeCPUOvercommit', 'KubeMemoryOvercommit', 'KubePodStuckPending', 'KubeDeploymentReplicasMissing'],
      prometheus: ['KubeCPUOvercommit', 'KubeMemoryOvercommit', 'KubePodNotReady', 'KubeDeploymentReplicasMismatch'],
    },
    objectOf: async run => {
      const { cores, bytes } = await allocatable(run.client)
      return workload(run, 'Deployment', {
        replicas: 1,
        template: app(run, { cpu: whole(cores), memory: whole(bytes) }),
      })
    },
  },
  {
    name: 'volume-failed',
    notInCluster: "a PersistentVolume is in no namespace of the lab's",
    does: 'A PersistentVolume that was released by a claim of the namespace, and that cannot be deleted.',
    effect: '15 s',
    shows: 'Nothing: the lab has no metric of it. With METRICS=both, a PersistentVolume in phase Failed.',
    alerts: { otel: [], prometheus: ['KubePersistentVolumeErrors'] },
    objectOf: async ({ name, target: namespace }) => {
      const spec = {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Delete',
        // kube-controller-manager deletes host paths under /tmp only.
        hostPath: { path: '/nonexistent' },
        claimRef: { namespace, name: 'scenario', uid: randomUUID() },
      }
      const manifest = { apiVersion: 'v1', kind: 'PersistentVolume', spec }
      return { collection: '/api/v1/persistentvolumes', name: `scenario-${name}-${namespace}`, manifest }
    },
  },
]

export const objectScenarios: readonly Scenario[] = ofNamespaces.map(({ objectOf, ...texts }) => ({
  target: 'namespace',
  heals: 'The object is deleted.',
  ...texts,
  ...objectScenario(objectOf),
}))

type Requests = Readonly<Record<string, string>>

/** The template of pods of one container, as the Pod Security level `restricted` demands. */
export function app({ name, lab }: ScenarioRun, requests: Requests = { cpu: '10m', memory: '16Mi' }) {
  const container = {
    name: 'app',
    image: 'registry.example/scenario/app:1',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    resources: { requests },
  }
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
  const spec = { ...scenarioCluster(lab).podSpec, securityContext, containers: [container] }
  return { metadata: { labels: { 'app.kubernetes.io/name': `scenario-${name}` } }, spec }
}

/** More than any node has. */
async function tooMuch(client: Client): Promise<Requests> {
  return { cpu: whole((await allocatable(client)).mostCores + 1) }
}

/** A workload in a namespace. */
export function workload(
  { target: namespace }: Pick<ScenarioRun, 'target'>,
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet',
  spec: Record<string, unknown> & { template: ReturnType<typeof app> },
): ScenarioObject {
  const collection = `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`
  const selector = { matchLabels: spec.template.metadata.labels }
  return { collection, manifest: { apiVersion: 'apps/v1', kind, spec: { ...spec, selector } } }
}

/** A workload of one pod that no node has room for. */
async function pending(run: ScenarioRun, kind: 'Deployment' | 'StatefulSet'): Promise<ScenarioObject> {
  return workload(run, kind, { replicas: 1, template: app(run, await tooMuch(run.client)) })
}

/** A workload whose second version no node has room for. */
async function stuckUpdate(
  run: ScenarioRun,
  kind: 'Deployment' | 'StatefulSet',
  spec: Record<string, unknown>,
): Promise<ScenarioObject> {
  const first = workload(run, kind, { ...spec, template: app(run) })
  const second = workload(run, kind, { ...spec, template: app(run, await tooMuch(run.client)) })
  return { ...first, changed: second.manifest }
}

function job(run: ScenarioRun, spec: Record<string, unknown>, requests?: Requests): ScenarioObject {
  const template = { spec: { ...app(run, requests).spec, restartPolicy: 'Never' } }
  const manifest = { apiVersion: 'batch/v1', kind: 'Job', spec: { ...spec, template } }
  return { collection: `/apis/batch/v1/namespaces/${run.target}/jobs`, manifest }
}

function quota({ target: namespace }: ScenarioRun, hard: Requests): ScenarioObject {
  const manifest = { apiVersion: 'v1', kind: 'ResourceQuota', spec: { hard } }
  return { collection: `/api/v1/namespaces/${namespace}/resourcequotas`, manifest }
}

/** A quota of CPU of which the requests use this share. */
async function quotaUsedTo(run: ScenarioRun, share: number): Promise<ScenarioObject> {
  const milli = (1_000 * (await requestedCores(run.client, run.target))) / share
  return quota(run, { 'requests.cpu': `${Math.ceil(milli)}m` })
}

async function withoutPods(namespace: unknown, client: Client): Promise<string | undefined> {
  return (await podCount(client, nameOf(namespace))) === 0 ? 'it has no pods' : undefined
}

async function withoutRequests(namespace: unknown, client: Client): Promise<string | undefined> {
  return (await requestedCores(client, nameOf(namespace))) === 0 ? 'its pods request no CPU' : undefined
}

/** A quota could refuse the pod of a scenario, which then would not be Pending. */
async function withQuota(namespace: unknown, client: Client): Promise<string | undefined> {
  const quotas = await listAll(client, `/api/v1/namespaces/${nameOf(namespace)}/resourcequotas`)
  return quotas.length > 0 ? 'it has a ResourceQuota' : undefined
}

/** The first Deployment that has at least two replicas and no autoscaler. */
async function deploymentToScale(client: Client, namespace: string) {
  const [deployments, autoscalers] = await Promise.all([
    listAll(client, `/apis/apps/v1/namespaces/${namespace}/deployments`),
    listAll(client, `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`),
  ])
  const scaled = autoscalers.map(each => fields(fields(fields(each)['spec'])['scaleTargetRef'])['name'])
  return deployments
    .map(each => ({ name: nameOf(each), replicas: Number(fields(fields(each)['spec'])['replicas']) }))
    .find(({ name, replicas }) => replicas >= 2 && !scaled.includes(name))
}

function whole(amount: number): string {
  return String(Math.ceil(amount))
}
