import { fields, items, text } from '../kube/json.ts'
import type { Manifest } from '../lab/manifest.ts'

/** What simulated nodes would change in a cluster. `name` is the word with which ALLOW disregards it. */
export interface Hazard {
  name: string
  why: string
}

/** Programs that delete nodes which their cloud does not know, and another KWOK, which may take the nodes for its own. */
const CONTROLLERS = /(^|[/-])(cloud-controller-manager|cluster-autoscaler|karpenter|kwok)([:@/]|$)/

/**
 * The DaemonSets that would run on a simulated node, the controllers that may delete it, and the allocation of pod addresses. Objects are in
 * the API's form.
 */
export function hazardsOf(
  node: Manifest,
  {
    daemonSets,
    workloads,
    nodes,
  }: { daemonSets: readonly unknown[]; workloads: readonly unknown[]; nodes: readonly unknown[] },
): Hazard[] {
  const podOf = (workload: unknown) => fields(fields(fields(fields(workload)['spec'])['template'])['spec'])
  const nameOf = (object: unknown) => {
    const { namespace, name } = fields(fields(object)['metadata'])
    return `${namespace}/${name}`
  }
  const running = daemonSets.filter(each => runsOn(podOf(each), node))
  const controllers = [...daemonSets, ...workloads].filter(each =>
    items(podOf(each)['containers']).some(container => CONTROLLERS.test(text(fields(container)['image']) ?? '')),
  )
  const ranges = nodes.filter(each => text(fields(fields(each)['spec'])['podCIDR']) !== undefined).length
  return [
    ...running.map(each => ({
      name: nameOf(each),
      why: 'this DaemonSet tolerates every taint and selects every node: it would wait for pods on simulated nodes',
    })),
    ...controllers.map(each => ({
      name: nameOf(each),
      why: 'it may delete nodes that it does not know, or take them for its own',
    })),
    ...(ranges === 0
      ? []
      : [
          {
            name: 'pod-cidr',
            why: 'this cluster gives each node a range of pod addresses: simulated nodes use them up',
          },
        ]),
  ]
}

/** Whether the scheduler may place pods on a node: by tolerations, node selector and required node affinity. */
export function runsOn(pod: Record<string, unknown>, node: Manifest): boolean {
  const labels = node.metadata.labels ?? {}
  const taints = items(fields(node['spec'])['taints']).map(fields)
  const tolerations = items(pod['tolerations']).map(fields)
  const isTolerated = taints.every(({ key, value, effect }) =>
    tolerations.some(
      each =>
        (each['key'] === undefined || each['key'] === key) &&
        (each['operator'] === 'Exists' || each['value'] === value) &&
        (each['effect'] === undefined || each['effect'] === effect),
    ),
  )
  const isSelected = Object.entries(fields(pod['nodeSelector'])).every(([key, value]) => labels[key] === value)
  const affinity = fields(
    fields(fields(pod['affinity'])['nodeAffinity'])['requiredDuringSchedulingIgnoredDuringExecution'],
  )
  const terms = items(affinity['nodeSelectorTerms']).map(fields)
  const isNear =
    terms.length === 0 ||
    terms.some(
      ({ matchExpressions, matchFields }) =>
        items(matchExpressions).every(each => matchesExpression(fields(each), labels)) &&
        items(matchFields).every(each => matchesExpression(fields(each), { 'metadata.name': node.metadata.name })),
    )
  return isTolerated && isSelected && isNear
}

function matchesExpression(
  { key, operator, values }: Record<string, unknown>,
  labels: Record<string, string>,
): boolean {
  const value = labels[String(key)]
  const given = items(values).map(String)
  switch (operator) {
    case 'In':
      return value !== undefined && given.includes(value)
    case 'NotIn':
      return value === undefined || !given.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return Number(value) > Number(given[0])
    default:
      return Number(value) < Number(given[0])
  }
}
