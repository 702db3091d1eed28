import { fields, items, text } from '../kube/json.ts'
import { countObjects, listAll } from '../kube/object-counts.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { scenarioAnnotation } from '../lab/manifest.ts'
import { unfitPod } from './pod-scenarios.ts'
import { apply, call, type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'

/** How often it is checked that the object is there. */
const HOLD_MS = 5_000
/** Memory grows from half of the limit to the limit in this time. */
const LEAK_MS = 600_000
const heals = 'The object is deleted.'

/** An object that a scenario creates: its collection and its manifest without name and annotation. */
interface ScenarioObject {
  collection: string
  /** By default `scenario-<name>`. */
  name?: string
  manifest: Record<string, unknown>
}

/** Scenarios that are an object of the API, and end when it is deleted. */
export const objectScenarios: readonly Scenario[] = [
  {
    name: 'pod-pending',
    target: 'namespace',
    does: 'A Deployment of one pod that requests more CPU than any node has, so that the scheduler finds no node for it.',
    effect: '2 s',
    heals,
    shows: 'A pod is Pending, and a Deployment lacks a replica. Its requests count.',
    alerts: {
      otel: ['KubePodStuckPending', 'KubeDeploymentReplicasMissing'],
      prometheus: ['KubePodNotReady', 'KubeDeploymentReplicasMismatch'],
    },
    ...objectScenario(async ({ client, target, name }) => {
      const labels = { 'app.kubernetes.io/name': `scenario-${name}` }
      const container = await tooLarge(client)
      const template = { metadata: { labels }, spec: { containers: [container] } }
      const spec = { replicas: 1, selector: { matchLabels: labels }, template }
      return {
        collection: `/apis/apps/v1/namespaces/${target}/deployments`,
        manifest: { apiVersion: 'apps/v1', kind: 'Deployment', spec },
      }
    }),
  },
  {
    name: 'quota-full',
    target: 'namespace',
    unfit: async (namespace, client) => {
      const count = await podCount(client, String(fields(fields(namespace)['metadata'])['name']))
      return count === 0 ? 'it has no pods' : undefined
    },
    does: 'A ResourceQuota that allows as many pods as the namespace has: no pod can be added.',
    effect: '5 s',
    heals,
    shows: 'The quota is used to 100 %.',
    alerts: { otel: ['KubeQuotaNearlyFull'], prometheus: ['KubeQuotaFullyUsed'] },
    ...objectScenario(async ({ client, target }) => ({
      collection: `/api/v1/namespaces/${target}/resourcequotas`,
      manifest: {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        spec: { hard: { pods: String(await podCount(client, target)) } },
      },
    })),
  },
  {
    name: 'job-failed',
    target: 'namespace',
    does: 'A Job whose pod finds no node and that exceeds its deadline of 10 s.',
    effect: '15 s',
    heals,
    shows: 'A Job has failed, and has no pod.',
    alerts: { otel: ['KubeJobFailed'], prometheus: ['KubeJobFailed'] },
    ...objectScenario(async ({ client, target }) => {
      const container = await tooLarge(client)
      const template = { spec: { restartPolicy: 'Never', containers: [container] } }
      return {
        collection: `/apis/batch/v1/namespaces/${target}/jobs`,
        manifest: { apiVersion: 'batch/v1', kind: 'Job', spec: { activeDeadlineSeconds: 10, template } },
      }
    }),
  },
  {
    name: 'cpu-throttling',
    does: 'The containers of a pod with a CPU limit need twice the limit.',
    effect: '1 s',
    heals: 'The usage of the pod is again that of the usage model.',
    shows: 'CPU at the limit, and all periods throttled.',
    alerts: { otel: ['KubeCPUThrottlingHigh'], prometheus: ['CPUThrottlingHigh'] },
    ...usageScenario('cpu', limit => ({ value: `${Math.round(limit * 2_000)}m` })),
  },
  {
    name: 'memory-leak',
    does: 'The memory of the containers of a pod grows from half of their limit to the limit in ten minutes.',
    effect: '10 min',
    heals: 'The usage of the pod is again that of the usage model.',
    shows: 'Memory rises to the limit and stays there.',
    alerts: { otel: [], prometheus: [] },
    ...usageScenario('memory', (limit, startMs) => {
      const perSecond = limit / 2 / (LEAK_MS / 1_000)
      const start = new Date(startMs).toISOString()
      const grown = `(UnixSecond(Now()) - UnixSecond("${start}")) * ${perSecond.toFixed(1)}`
      return { expression: `${(limit / 2).toFixed(1)} + ${grown}` }
    }),
  },
]

function objectScenario(objectOf: (run: ScenarioRun) => Promise<ScenarioObject>): Pick<Scenario, 'hold' | 'undo'> {
  return {
    async hold(run) {
      const {
        collection,
        name = `scenario-${run.name}`,
        manifest,
      } = (run.saved as ScenarioObject) ?? (await objectOf(run))
      if (run.saved === undefined) run.save({ collection, name, manifest } satisfies ScenarioObject)
      const metadata = { name, annotations: { [scenarioAnnotation]: run.name } }
      const created = await apply(run.client, `${collection}/${name}`, { ...manifest, metadata })
      if (created === undefined) throw new TargetGoneError(`The namespace of ${run.target} was deleted`)
      return HOLD_MS
    },
    async undo(run) {
      if (run.saved === undefined) return
      const { collection, name } = run.saved as ScenarioObject
      await call(run.client, 'DELETE', `${collection}/${name}`, { body: { propagationPolicy: 'Background' } })
    },
  }
}

/** A ResourceUsage of a pod: the stats proxy takes its usage from it. */
function usageScenario(
  resource: 'cpu' | 'memory',
  usageOf: (limit: number, startMs: number) => Record<string, string>,
): Pick<Scenario, 'target' | 'unfit' | 'hold' | 'undo'> {
  const scenario = objectScenario(async ({ client, target, startMs }) => {
    const [namespace, name = ''] = target.split('/')
    const pod = await call(client, 'GET', `/api/v1/namespaces/${namespace}/pods/${name}`)
    const usages = limitsOf(pod, resource).map(([container, limit]) => ({
      containers: [container],
      usage: { [resource]: usageOf(limit, startMs) },
    }))
    return {
      collection: `/apis/kwok.x-k8s.io/v1alpha1/namespaces/${namespace}/resourceusages`,
      name,
      manifest: { apiVersion: 'kwok.x-k8s.io/v1alpha1', kind: 'ResourceUsage', spec: { usages } },
    }
  })
  return {
    ...scenario,
    target: 'pod',
    unfit: async (pod, client) => {
      const { namespace, name, annotations } = fields(fields(pod)['metadata'])
      if (limitsOf(pod, resource).length === 0) return `it has no ${resource} limit`
      // It comes before usage objects.
      if (fields(annotations)['kube-otel-lab/usage-preset'] !== undefined) return 'its usage is a preset by annotation'
      const path = `/apis/kwok.x-k8s.io/v1alpha1/namespaces/${namespace}/resourceusages/${name}`
      return unfitPod(pod) ?? ((await call(client, 'GET', path)) === undefined ? undefined : 'it has a ResourceUsage')
    },
    async hold(run) {
      const pod = await call(run.client, 'GET', `/api/v1/namespaces/${run.target.replace('/', '/pods/')}`)
      if (pod === undefined) throw new TargetGoneError(`The pod ${run.target} was deleted`)
      return await scenario.hold(run)
    },
  }
}

/** A container that fits on no node. */
async function tooLarge(client: ScenarioRun['client']) {
  const nodes = await listAll(client, '/api/v1/nodes')
  const cores = nodes.map(node =>
    parseQuantity(text(fields(fields(fields(node)['status'])['allocatable'])['cpu']) ?? ''),
  )
  const cpu = String(Math.ceil(Math.max(0, ...cores.map(each => each ?? 0))) + 1)
  return { name: 'app', image: 'registry.example/scenario/app:1', resources: { requests: { cpu } } }
}

/** The containers with a limit, in cores or bytes. */
function limitsOf(pod: unknown, resource: 'cpu' | 'memory'): [container: string, limit: number][] {
  return items(fields(fields(pod)['spec'])['containers']).flatMap(container => {
    const { name, resources } = fields(container)
    const limit = parseQuantity(text(fields(fields(resources)['limits'])[resource]) ?? '')
    return limit === undefined ? [] : [[String(name), limit]]
  })
}

/** The pods that count for a quota: not those that have ended. */
async function podCount(client: ScenarioRun['client'], namespace: string): Promise<number> {
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed'
  return await countObjects(client, `/api/v1/namespaces/${namespace}/pods`, { fieldSelector })
}
