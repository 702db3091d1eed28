import { fields, items, text } from '../../kube/json.ts'
import type { Labels } from '../../prometheus/prometheus-client.ts'
import type { Scenario } from '../../scenarios/scenario.ts'
import { isOfSystem } from '../../scenarios/scenario-targets.ts'

/** The objects that a scenario affects. */
export interface AlertScope {
  node?: string
  namespace?: string
  /** `<namespace>/<name>` of pods, and of their workloads and claims or the scenario's own objects. */
  pods: ReadonlySet<string>
  workloads: ReadonlySet<string>
  /** Pods of these workloads that it does not affect. */
  others: ReadonlySet<string>
}

/** A pod as scopes need it. */
export interface ScopePod {
  name: string
  node: string
  workloads: readonly string[]
  isOfDeployment: boolean
}

/** The suffix of a pod's name after that of its workload, in the letters of Kubernetes' generated names. */
const POD_SUFFIX = /^-(\d+|([bcdfghjklmnpqrstvwxz2456789]{6,10}-)?[bcdfghjklmnpqrstvwxz2456789]{5})$/

/** Labels that name an object in a namespace. A ResourceQuota counts for all of it. */
const OBJECT_LABEL =
  /^(k8s_)?(pod|deployment|statefulset|daemonset|replicaset|job|cronjob|hpa|horizontalpodautoscaler|persistentvolumeclaim|poddisruptionbudget)(_name)?$/

export function scopePod(pod: unknown): ScopePod {
  const { metadata, spec } = fields(pod)
  const { namespace, name, ownerReferences } = fields(metadata)
  const owners = items(ownerReferences).map(fields)
  const claims = items(fields(spec)['volumes']).flatMap(
    volume => text(fields(fields(volume)['persistentVolumeClaim'])['claimName']) ?? [],
  )
  const isOfDeployment = owners.some(({ kind }) => kind === 'ReplicaSet')
  return {
    name: `${namespace}/${name}`,
    node: text(fields(spec)['nodeName']) ?? '',
    workloads: [
      ...owners.flatMap(owner => {
        const whole = `${namespace}/${owner['name']}`
        // A Deployment's ReplicaSet, and a CronJob's Job.
        const isMade = owner['kind'] === 'ReplicaSet' || owner['kind'] === 'Job'
        return isMade ? [whole, whole.replace(/-[^-]*$/, '')] : [whole]
      }),
      ...claims.map(claim => `${namespace}/${claim}`),
    ],
    isOfDeployment,
  }
}

/** What a scenario affects at a target; undefined for a scenario of a part, which affects the whole cluster. */
export function scopeOf(
  { name, target: kind }: Scenario,
  target: string,
  pods: readonly ScopePod[],
): AlertScope | undefined {
  if (kind === 'part') return undefined
  if (kind === 'namespace') {
    return { namespace: target, pods: new Set(), workloads: new Set([`${target}/scenario-${name}`]), others: new Set() }
  }
  const isOf = (pod: ScopePod) => (kind === 'node' ? pod.node : pod.name) === target
  const workloads = new Set(pods.filter(isOf).flatMap(pod => pod.workloads))
  const others = pods.filter(pod => !isOf(pod) && pod.workloads.some(each => workloads.has(each)))
  return {
    ...(kind === 'node' ? { node: target } : { namespace: target.split('/')[0] ?? '' }),
    pods: new Set(pods.filter(isOf).map(pod => pod.name)),
    workloads,
    others: new Set(others.map(pod => pod.name)),
  }
}

/** Whether two scenarios affect the same objects, so that they cannot run at once. Pods of one workload may be on two failing nodes. */
export function overlap(a: AlertScope, b: AlertScope): boolean {
  if (a.node !== undefined && b.node !== undefined) return a.node === b.node
  if (a.pods.size === 0 && b.pods.size === 0) return a.namespace === b.namespace
  const share = (some: ReadonlySet<string>, others: ReadonlySet<string>) => [...some].some(each => others.has(each))
  return share(a.pods, b.pods) || share(a.workloads, b.workloads)
}

/** What an alert is about, by the labels of OpenTelemetry or of kube-prometheus. */
function placeOf(labels: Labels) {
  const namespace = labels['k8s_namespace_name'] ?? labels['namespace']
  // Series of a scrape target have the namespace of its Service, but those of a kubelet's volumes that of the claim.
  const isOfService = labels['service'] !== undefined && labels['persistentvolumeclaim'] === undefined
  const isOfTarget = namespace !== undefined && (isOfSystem(namespace) || isOfService)
  return {
    node: labels['k8s_node_name'] ?? labels['node'],
    namespace: isOfTarget ? undefined : namespace,
    pod: labels['k8s_pod_name'] ?? labels['pod'],
  }
}

/** Whether the labels of an alert name an object. Those of the others name the cluster, or a scrape target. */
export function namesObject(labels: Labels): boolean {
  const { node, namespace } = placeOf(labels)
  return node !== undefined || namespace !== undefined
}

/** Whether the labels of an alert name an object of a scope. */
export function isInScope(scope: AlertScope, labels: Labels): boolean {
  const { node, namespace, pod } = placeOf(labels)
  if (scope.node !== undefined && (scope.node === node || scope.node === labels['instance'])) return true
  const values = Object.values(labels)
  if (pod !== undefined && scope.pods.has(`${namespace}/${pod}`)) return true
  if (pod !== undefined && scope.others.has(`${namespace}/${pod}`)) return false
  for (const each of scope.workloads) {
    const [workloadNamespace, name = ''] = each.split('/')
    if (workloadNamespace !== namespace) continue
    if (values.includes(name) || (pod?.startsWith(name) && POD_SUFFIX.test(pod.slice(name.length)))) return true
  }
  // Of the namespace, and no object in it.
  const isOfNamespace = node === undefined && !Object.keys(labels).some(label => OBJECT_LABEL.test(label))
  return isOfNamespace && namespace !== undefined && namespace === scope.namespace
}
