import { fields, items, text } from '../kube/json.ts'
import { countObjects, listAll } from '../kube/object-counts.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { scenarioAnnotation } from '../lab/manifest.ts'
import { apply, call, type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'

/** How often it is checked that the object is there. */
const HOLD_MS = 5_000
/** When an object that changes does: its pods run by then. */
const CHANGE_MS = 20_000

/** An object that a scenario creates. Its manifest has no name and no annotation. */
export interface ScenarioObject {
  collection: string
  /** By default `scenario-<name of the scenario>`. */
  name?: string
  manifest: Record<string, unknown>
  /** The manifest after 20 s. */
  changed?: Record<string, unknown>
  /** Of an object that no controller works on. */
  status?: Record<string, unknown>
}

/** The object of one run. */
export type ObjectOf = (run: ScenarioRun) => Promise<ScenarioObject>

/** A scenario that is an object of the API. It is created again when it is deleted. */
export function objectScenario(objectOf: ObjectOf): Pick<Scenario, 'hold' | 'undo'> {
  return {
    async hold(run) {
      if (run.saved === undefined) run.save({ name: `scenario-${run.name}`, ...(await objectOf(run)) })
      const { collection, name, manifest, changed, status } = run.saved as ScenarioObject
      const metadata = { name, annotations: { [scenarioAnnotation]: run.name } }
      const changeInMs = changed === undefined ? HOLD_MS : run.startMs + CHANGE_MS - Date.now()
      const spec = changeInMs > 0 ? manifest : changed
      const created = await apply(run.client, `${collection}/${name}`, { ...spec, metadata })
      if (created === undefined) throw new TargetGoneError(`The namespace of ${run.target} was deleted`)
      const { apiVersion, kind } = manifest
      if (status !== undefined)
        await apply(run.client, `${collection}/${name}/status`, { apiVersion, kind, metadata: { name }, status })
      return changeInMs > 0 ? Math.min(HOLD_MS, changeInMs) : HOLD_MS
    },
    async undo(run) {
      if (run.saved === undefined) return
      const { collection, name } = run.saved as ScenarioObject
      await call(run.client, 'DELETE', `${collection}/${name}`, { body: { propagationPolicy: 'Background' } })
    },
  }
}

type Client = ScenarioRun['client']

/** The pods that count for a quota: not those that have ended. */
export async function podCount(client: Client, namespace: string): Promise<number> {
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed'
  return await countObjects(client, `/api/v1/namespaces/${namespace}/pods`, { fieldSelector })
}

/** What all nodes have for pods, in cores and bytes, and the cores of the largest node. */
export async function allocatable(client: Client): Promise<{ cores: number; bytes: number; mostCores: number }> {
  const nodes = await listAll(client, '/api/v1/nodes')
  const amounts = (resource: string) =>
    nodes.map(node => quantity(fields(fields(fields(node)['status'])['allocatable'])[resource]))
  const cores = amounts('cpu')
  return { cores: sum(cores), bytes: sum(amounts('memory')), mostCores: Math.max(0, ...cores) }
}

/** The cores that the pods of a namespace request, but for those that have ended. */
export async function requestedCores(client: Client, namespace: string): Promise<number> {
  const pods = (await listAll(client, `/api/v1/namespaces/${namespace}/pods`)).map(fields)
  const active = pods.filter(({ status }) => !/^(Succeeded|Failed)$/.test(text(fields(status)['phase']) ?? ''))
  const containers = active.flatMap(({ spec }) => items(fields(spec)['containers']))
  return sum(containers.map(each => quantity(fields(fields(fields(each)['resources'])['requests'])['cpu'])))
}

function quantity(amount: unknown): number {
  return parseQuantity(text(amount) ?? '') ?? 0
}

function sum(all: readonly number[]): number {
  return all.reduce((total, each) => total + each, 0)
}
