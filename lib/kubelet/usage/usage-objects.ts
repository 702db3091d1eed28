import { messageOf } from '../../cli/errors.ts'
import { fields, items, text } from '../../kube/json.ts'
import { parseQuantity } from '../../kube/quantity.ts'
import type { ContainerFacts, NodeFacts, PodFacts } from '../objects/facts.ts'
import { isPlausible, NANO } from '../objects/resource-amounts.ts'
import { hash } from './pseudo-random.ts'
import { compileExpression, type Expression } from './usage-expressions.ts'
import type { ObjectUsage } from './usage-model.ts'

type Resource = 'cpu' | 'memory'
const RESOURCES: readonly Resource[] = ['cpu', 'memory']

/** The amount of a resource in one entry. */
type Amount = { value: number } | { expression: Expression; source: string }

/** The fields of a ResourceUsage or ClusterResourceUsage of KWOK that are read. */
export interface UsageObject {
  uid: string
  kind: 'ResourceUsage' | 'ClusterResourceUsage'
  name: string
  /** Set for a ResourceUsage, which applies to the pod of the same name and namespace. */
  namespace?: string
  /** For a ClusterResourceUsage: exact names; an empty list matches all. */
  matchNamespaces: string[]
  matchNames: string[]
  /** An empty list of containers matches all. */
  entries: { containers: string[]; amounts: { [R in Resource]?: Amount } }[]
  /** Invalid parts, one line each. */
  problems: string[]
}

/** An expression that failed for a pod. */
export interface UsageProblem {
  object: UsageObject
  /** The expression's text. */
  source: string
  /** The message, with the numbers of this evaluation. */
  why: string
}

/**
 * An annotation of objects that the stats proxy ignores. KWOK logs an error for each pod without usage, so the lab has a usage object of
 * zero for these pods; here it would replace their presets.
 */
const FOR_KWOK_ALONE = 'kube-otel-lab/for-kwok-alone'

/** Reads a usage object of the API, without its invalid entries; undefined without UID or name, and for objects only for KWOK. */
export function usageObject(
  kind: UsageObject['kind'],
  raw: unknown,
  reader: 'stats-proxy' | 'kwok' = 'stats-proxy',
): UsageObject | undefined {
  const { metadata, spec } = fields(raw)
  const uid = text(fields(metadata).uid)
  const name = text(fields(metadata).name)
  if (uid === undefined || name === undefined) return undefined
  if (reader === 'stats-proxy' && fields(fields(metadata).annotations)[FOR_KWOK_ALONE] !== undefined) return undefined
  const namespace = text(fields(metadata).namespace)
  const selector = fields(fields(spec).selector)
  const problems: string[] = []
  return {
    uid,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    matchNamespaces: texts(selector.matchNamespaces),
    matchNames: texts(selector.matchNames),
    entries: items(fields(spec).usages).map(each => ({
      containers: texts(fields(each).containers),
      amounts: amounts(fields(fields(each).usage), problems),
    })),
    problems,
  }
}

/**
 * The usage of containers by usage objects: a pod's own ResourceUsage only, else the first ClusterResourceUsage by name that
 * matches the pod and has an entry for the container and resource. `onProblem` is called when an expression fails for a pod.
 */
export function createUsageObjects(onProblem: (pod: PodFacts, problem: UsageProblem) => void) {
  const byUid = new Map<string, UsageObject>()
  const own = new Map<string, UsageObject>()
  const nodeUsers = new Set<string>()
  let cluster: UsageObject[] = []

  return {
    set(object: UsageObject): void {
      remove(object.uid)
      byUid.set(object.uid, object)
      if (usesNode(object)) nodeUsers.add(object.uid)
      if (object.kind === 'ResourceUsage') own.set(`${object.namespace}/${object.name}`, object)
      else cluster = [...cluster, object].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    delete: remove,
    get(uid: string): UsageObject | undefined {
      return byUid.get(uid)
    },
    get size(): number {
      return byUid.size
    },
    /** Whether an expression reads the Node, so that its change may change usage. */
    get useNodes(): boolean {
      return nodeUsers.size > 0
    },
    usageOf(
      pod: PodFacts,
      container: ContainerFacts,
      resource: Resource,
      node: NodeFacts | undefined,
    ): ObjectUsage | undefined {
      const mine = own.get(`${pod.namespace}/${pod.name}`)
      for (const object of mine === undefined ? cluster : [mine]) {
        if (!matches(object, pod)) continue
        const amount = object.entries.find(
          ({ containers, amounts }) =>
            amounts[resource] !== undefined && (containers.length === 0 || containers.includes(container.name)),
        )?.amounts[resource]
        if (amount === undefined) continue
        if ('value' in amount) return Math.round(amount.value * (resource === 'cpu' ? NANO : 1))
        return evaluated(amount, { object, pod, container, resource, node })
      }
      return undefined
    },
  }

  function remove(uid: string): UsageObject | undefined {
    const object = byUid.get(uid)
    if (object === undefined) return undefined
    byUid.delete(uid)
    nodeUsers.delete(uid)
    const key = `${object.namespace}/${object.name}`
    // A new object of the same name may have replaced it.
    if (own.get(key) === object) own.delete(key)
    if (object.kind === 'ClusterResourceUsage') cluster = cluster.filter(each => each !== object)
    return object
  }

  function evaluated(
    { expression, source }: { expression: Expression; source: string },
    use: {
      object: UsageObject
      pod: PodFacts
      container: ContainerFacts
      resource: Resource
      node: NodeFacts | undefined
    },
  ): ObjectUsage | undefined {
    const { object, pod, container, resource, node } = use
    const seed = hash(`${pod.uid}/${container.name}/${resource}`)
    const at = (timeMs: number): number | undefined => {
      try {
        const value = expression.evaluate({ ...objectsOf(pod, container, node), timeMs, seed })
        const scaled = Math.round(value * (resource === 'cpu' ? NANO : 1))
        if (!isPlausible(scaled)) throw new Error(`gives ${value}, which is ${value < 0 ? 'negative' : 'too large'}`)
        return scaled
      } catch (error) {
        const why = `${resource}: ${messageOf(error)}`
        onProblem(pod, { object, source, why })
        return undefined
      }
    }
    if (!expression.isDynamic) return at(0)
    const objects = expression.usesNode ? pod.json.toString() + JSON.stringify(node?.object) : pod.json.toString()
    return { key: `${source}\n${hash(objects)}\n${container.name}`, at }
  }
}

/** Whether an object matches a pod. */
export function matches(object: UsageObject, pod: PodFacts): boolean {
  if (object.kind === 'ResourceUsage') return object.namespace === pod.namespace && object.name === pod.name
  const isIn = (names: string[], name: string) => names.length === 0 || names.includes(name)
  return isIn(object.matchNamespaces, pod.namespace) && isIn(object.matchNames, pod.name)
}

/** The object of the last evaluated pod: expressions of its containers and resources follow each other. */
let latest: { pod: PodFacts; object: Record<string, unknown> } | undefined

/** The variables of an expression. Only one pod's object is kept: 50,000 would be gigabytes. */
function objectsOf(pod: PodFacts, container: ContainerFacts, node: NodeFacts | undefined) {
  if (latest?.pod !== pod) {
    const object = fields(JSON.parse(pod.json.toString()))
    // As in Go, `"x" in pod.metadata.annotations` must not fail for a pod without annotations.
    latest = { pod, object: { ...object, metadata: { annotations: {}, labels: {}, ...fields(object.metadata) } } }
  }
  const spec = fields(latest.object.spec)
  const containers = [...items(spec.containers), ...items(spec.initContainers)]
  return {
    pod: latest.object,
    node: { ...node?.object, metadata: { annotations: {}, labels: {}, ...fields(node?.object.metadata) } },
    container: containers.find(each => fields(each).name === container.name) ?? {},
  }
}

function amounts(usage: Record<string, unknown>, problems: string[]): { [R in Resource]?: Amount } {
  const found: { [R in Resource]?: Amount } = {}
  for (const resource of RESOURCES) {
    const { value, expression } = fields(usage[resource])
    const source = text(expression)
    try {
      if (value !== undefined) found[resource] = { value: plausibleQuantity(value, resource) }
      else if (source !== undefined) found[resource] = { expression: compileExpression(source), source }
    } catch (error) {
      problems.push(`${resource}: ${messageOf(error)}`)
    }
  }
  return found
}

function plausibleQuantity(value: unknown, resource: Resource): number {
  const parsed = parseQuantity(String(value))
  if (parsed === undefined) throw new Error(`${JSON.stringify(value)} is not a quantity`)
  if (!isPlausible(parsed * (resource === 'cpu' ? NANO : 1))) {
    throw new Error(`${JSON.stringify(value)} is negative or too large`)
  }
  return parsed
}

function usesNode({ entries }: UsageObject): boolean {
  return entries.some(({ amounts }) =>
    Object.values(amounts).some(amount => 'expression' in amount && amount.expression.usesNode),
  )
}

function texts(value: unknown): string[] {
  return items(value).filter(each => typeof each === 'string')
}
