import type { KubeClient } from '../kube/api-client.ts'
import { fields, items, text } from '../kube/json.ts'
import { listAll } from '../kube/object-counts.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { scenarioAnnotation, scenarioOf, serviceFailing, serviceSlow, trafficSurge } from '../lab/manifest.ts'
import type { CallGraph } from '../traces/call-graph.ts'
import { readCallGraph } from '../traces/read-call-graph.ts'
import { objectScenario } from './object-scenario.ts'
import { annotate, call, patch, type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'

const HOLD_MS = 5_000
const ANNOTATION_POINTER = `/metadata/annotations/${scenarioAnnotation.replace('/', '~1')}`
/** How much of its CPU limit each pod behind a Service uses in a surge. */
const SURGE_LOAD = 0.8

/** A Deployment before its pods were removed. */
interface Scaled {
  path: string
  replicas: number
}

/** Scenarios of a Service that traced workloads call, such as those of Online Boutique. */
export const serviceScenarios: readonly Scenario[] = [
  {
    name: serviceSlow,
    does: 'Each request to a Service that traced workloads call takes 0.5 to 1.5 s longer.',
    effect: '1 s',
    heals: 'The Service answers as before.',
    shows: 'The durations of the service and of its callers, in metrics and traces.',
    alerts: { otel: [], prometheus: [] },
    ...serviceScenario(({ services }, key) => services.has(key)),
  },
  {
    name: serviceFailing,
    does: 'Half of the requests to a Service that traced workloads call fail.',
    effect: '1 s',
    heals: 'The Service answers as before.',
    shows: 'Errors of the service and of its callers, in metrics and traces.',
    alerts: { otel: ['ServiceErrorsHigh'], prometheus: [] },
    ...serviceScenario(({ services }, key) => services.has(key)),
  },
  {
    name: 'service-gone',
    does: 'The Deployment behind a Service that traced workloads call is scaled to 0: each call fails.',
    effect: '5 s',
    heals: 'The Deployment has as many pods as before.',
    shows: 'The service has no pods and no requests, and its callers have errors.',
    alerts: { otel: ['ServiceErrorsHigh'], prometheus: [] },
    ...serviceGone(),
  },
  {
    name: trafficSurge,
    does: `The load generators that call a Service send five times as many requests, and its pods use ${SURGE_LOAD * 100} % of their CPU limit.`,
    effect: '1 s',
    heals: 'Requests and usage are as before.',
    shows: 'Requests, durations, CPU and network traffic rise.',
    alerts: { otel: [], prometheus: [] },
    ...surge(),
  },
]

/** The annotation of the Service, which the trace simulator reads. */
function serviceScenario(
  isFit: (graph: CallGraph, key: string) => boolean,
): Pick<Scenario, 'target' | 'unfit' | 'hold' | 'undo'> {
  return {
    target: 'service',
    async unfit(service, client) {
      const { namespace, name } = fields(fields(service)['metadata'])
      return isFit(await graphOf(client), `${namespace}/${name}`) ? undefined : 'no traced workload calls it so'
    },
    async hold(run) {
      const service = await call(run.client, 'GET', servicePath(run))
      if (service === undefined) throw new TargetGoneError(`The Service ${run.target} was deleted`)
      await annotate(run.client, servicePath(run), service, run.name)
      return HOLD_MS
    },
    async undo(run) {
      const service = await call(run.client, 'GET', servicePath(run))
      if (scenarioOf(service) === run.name) await annotate(run.client, servicePath(run), service, null)
    },
  }
}

function serviceGone(): Pick<Scenario, 'target' | 'unfit' | 'hold' | 'undo'> {
  const called = serviceScenario(({ services }, key) => services.has(key))
  return {
    target: 'service',
    async unfit(service, client) {
      const why = await called.unfit?.(service, client)
      return (
        why ?? ((await deploymentBehind(service, client)) ? undefined : 'there is no Deployment with pods behind it')
      )
    },
    async hold(run) {
      if (run.saved === undefined) {
        const deployment = await deploymentBehind(await call(run.client, 'GET', servicePath(run)), run.client)
        if (deployment === undefined) throw new TargetGoneError(`The Deployment behind ${run.target} was deleted`)
        const { namespace, name } = fields(deployment['metadata'])
        const replicas = Number(fields(deployment['spec'])['replicas'])
        const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`
        run.save({ path, replicas } satisfies Scaled)
      }
      const { path } = run.saved as Scaled
      const metadata = { annotations: { [scenarioAnnotation]: run.name } }
      const scaled = await patch(run.client, path, { metadata, spec: { replicas: 0 } })
      if (scaled === undefined) throw new TargetGoneError(`The Deployment behind ${run.target} was deleted`)
      return HOLD_MS
    },
    async undo(run) {
      if (run.saved === undefined) return
      const { path, replicas } = run.saved as Scaled
      // The annotation says that it is still to be healed; both go in one step. Nothing happens where it is gone.
      const test = { op: 'test', path: ANNOTATION_POINTER, value: run.name }
      const body = [
        test,
        { op: 'remove', path: ANNOTATION_POINTER },
        { op: 'replace', path: '/spec/replicas', value: replicas },
      ]
      await run.client.request('PATCH', path, { body, contentType: 'application/json-patch+json' })
    },
  }
}

/** More requests to a Service by its annotation, and the usage of its pods by an object. */
function surge(): Pick<Scenario, 'target' | 'unfit' | 'hold' | 'undo'> {
  const isEntry = ({ roots }: CallGraph, key: string) =>
    roots.some(({ calls }) => calls.some(({ service }) => service === key))
  const requests = serviceScenario(isEntry)
  const usage = objectScenario(async run => {
    const service = await call(run.client, 'GET', servicePath(run))
    const pods = (await podsBehind(service, run.client)).map(fields)
    const names = pods.map(pod => String(fields(pod['metadata'])['name']))
    const containers = items(fields(pods[0]?.['spec'])['containers']).map(fields)
    const usages = containers.flatMap(({ name, resources }) => {
      const limit = parseQuantity(text(fields(fields(resources)['limits'])['cpu']) ?? '')
      const value = `${Math.round((limit ?? 0) * 1_000 * SURGE_LOAD)}m`
      return limit === undefined ? [] : [{ containers: [name], usage: { cpu: { value } } }]
    })
    const [namespace, name] = run.target.split('/')
    return {
      collection: '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages',
      name: `scenario-${run.name}-${namespace}-${name}`,
      manifest: {
        apiVersion: 'kwok.x-k8s.io/v1alpha1',
        kind: 'ClusterResourceUsage',
        // An empty list would match all pods.
        spec: { selector: { matchNamespaces: [namespace], matchNames: names.length === 0 ? ['-'] : names }, usages },
      },
    }
  })
  return {
    ...requests,
    async hold(run) {
      await requests.hold(run)
      return await usage.hold(run)
    },
    async undo(run) {
      await usage.undo(run)
      await requests.undo(run)
    },
  }
}

/** The calls between the workloads of a cluster, as the trace simulator derives them. */
async function graphOf(client: KubeClient): Promise<CallGraph> {
  const known = graphs.get(client)
  if (known !== undefined && Date.now() - known.atMs < GRAPH_MS) return await known.graph
  const graph = readCallGraph(client)
  graphs.set(client, { atMs: Date.now(), graph })
  return await graph
}

/** The graph of a client is asked for once for each Service that may be a target. */
const graphs = new WeakMap<KubeClient, { atMs: number; graph: Promise<CallGraph> }>()
const GRAPH_MS = 10_000

/** The Deployment whose pods a Service selects, if it has any. */
async function deploymentBehind(service: unknown, client: KubeClient): Promise<Record<string, unknown> | undefined> {
  const { namespace } = fields(fields(service)['metadata'])
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  return (await listAll(client, path)).map(fields).find(({ spec }) => {
    const { replicas, template } = fields(spec)
    return Number(replicas) > 0 && isSelected(service, template)
  })
}

async function podsBehind(service: unknown, client: KubeClient): Promise<unknown[]> {
  const { namespace } = fields(fields(service)['metadata'])
  const pods = await listAll(client, `/api/v1/namespaces/${namespace}/pods`)
  return pods.filter(pod => isSelected(service, pod))
}

/** Whether a Service selects a pod, or those of a template. */
function isSelected(service: unknown, object: unknown): boolean {
  const wanted = Object.entries(fields(fields(fields(service)['spec'])['selector']))
  const labels = fields(fields(fields(object)['metadata'])['labels'])
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value)
}

function servicePath({ target }: Pick<ScenarioRun, 'target'>): string {
  return `/api/v1/namespaces/${target.replace('/', '/services/')}`
}
