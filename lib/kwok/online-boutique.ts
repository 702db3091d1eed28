import { join } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { fields, items, merged, nameOf } from '../kube/json.ts'
import { getCollection, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { isManaged, managedBy } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'
import { readYamlDocuments, yamlText } from '../system/yaml-files.ts'
import { podRequests, type ResourceRequests, resourcesOf } from './pods.ts'

export const boutiqueNamespace = 'online-boutique'

export const boutiqueFile = join(projectDir, 'kwok-config', 'online-boutique.yaml')

/** The documents of kwok-config/online-boutique.yaml, each Deployment with `replicas` pods. */
export function boutiqueObjects(documents: readonly unknown[], replicas: number): Record<string, unknown>[] {
  return documents.map(document => {
    const object = fields(document)
    return object['kind'] === 'Deployment' ? merged(object, { spec: { replicas } }) : object
  })
}

/** The resource requests of each pod of the boutique. */
export function boutiqueRequests(objects: readonly Record<string, unknown>[]): ResourceRequests[] {
  return objects.flatMap(object => {
    if (object['kind'] !== 'Deployment') return []
    const spec = fields(object['spec'])
    const each = podRequests(fields(spec['template'])['spec'])
    return Array.from({ length: Number(spec['replicas']) }, () => each)
  })
}

/**
 * Writes the manifests of Online Boutique into the lab's folder; gives the file and the number of pods.
 *
 * Throws a UsageError when the nodes cannot hold the pods, or when the namespace does not belong to the lab.
 */
export async function writeBoutique(lab: Lab, replicas: number): Promise<{ file: string; pods: number }> {
  await ownsNamespace(lab)
  const objects = boutiqueObjects(readYamlDocuments(boutiqueFile, `fix ${boutiqueFile}`), replicas)
  const pods = boutiqueRequests(objects)
  const [nodes, all] = await Promise.all([getCollection(lab, '/api/v1/nodes'), getCollection(lab, '/api/v1/pods')])
  const others = all.filter(({ metadata }) => fields(metadata)['namespace'] !== boutiqueNamespace)
  const why = capacityProblem(pods, nodes, others)
  if (why !== undefined) {
    const next = 'decrease BOUTIQUE_REPLICAS or POD_COUNT, or increase NODE_COUNT'
    throw new UsageError(`BOUTIQUE_REPLICAS=${replicas} is more than the nodes can hold`, { why, next })
  }
  const file = join(lab.configDir, 'online-boutique.yaml')
  writeFileAtomically(file, yamlText(objects))
  return { file, pods: pods.length }
}

/** Deletes Online Boutique and waits until its namespace is gone; false when there is none. */
export async function deleteBoutique(lab: Lab): Promise<boolean> {
  if (!(await ownsNamespace(lab))) return false
  await kubectl(lab, ['delete', 'namespace', boutiqueNamespace, '--wait=false'])
  return await waitUntil({
    what: `the end of namespace ${boutiqueNamespace}`,
    timeoutMs: 180_000,
    everyMs: 500,
    check: async () => ((await readNamespace(lab)) === undefined ? { done: true } : { pending: 'it still exists' }),
    progress: 'Online Boutique',
    next: `kubectl --context ${lab.context} get namespace ${boutiqueNamespace} -o yaml`,
  })
}

/** Whether the lab's namespace of the boutique exists. Throws a UsageError when the lab did not create it. */
async function ownsNamespace(lab: Lab): Promise<boolean> {
  const namespace = await readNamespace(lab)
  if (namespace === undefined) return false
  if (isManaged(namespace)) return true
  throw new UsageError(`The lab did not create namespace ${boutiqueNamespace}`, {
    why: `it has no label ${managedBy}`,
    next: 'move its objects and delete it, or add that label',
  })
}

async function readNamespace(lab: Lab): Promise<unknown> {
  const { stdout } = await kubectl(lab, ['get', 'namespace', boutiqueNamespace, '--ignore-not-found', '-o', 'json'])
  return stdout.trim() === '' ? undefined : JSON.parse(stdout)
}

/**
 * Why pods with these requests do not fit on the schedulable nodes beside other pods; undefined when they fit. It leaves a tenth of each
 * resource free, because pods do not fill nodes completely.
 */
export function capacityProblem(
  requests: readonly ResourceRequests[],
  nodes: readonly Record<string, unknown>[],
  others: readonly Record<string, unknown>[],
): string | undefined {
  const schedulable = nodes.filter(({ spec }) => {
    const isTainted = items(fields(spec)['taints']).some(taint => fields(taint)['effect'] !== 'PreferNoSchedule')
    return fields(spec)['unschedulable'] !== true && !isTainted
  })
  const names = new Set<unknown>(schedulable.map(nameOf))
  const used = others.filter(({ spec, status }) => {
    return names.has(fields(spec)['nodeName']) && !/^(Succeeded|Failed)$/.test(String(fields(status)['phase']))
  })
  const allocatable = schedulable.map(({ status }) => resourcesOf(fields(status)['allocatable']))
  const usedRequests = used.map(({ spec }) => podRequests(spec))
  for (const [name, unit, size] of [
    ['cpu', 'CPUs', 1],
    ['memoryBytes', 'GiB of memory', 2 ** 30],
    ['pods', 'pods', 1],
  ] as const) {
    const sum = (all: readonly ResourceRequests[]) => all.reduce((total, each) => total + each[name], 0) / size
    const largest = (all: readonly ResourceRequests[]) => Math.max(0, ...all.map(each => each[name])) / size
    if (largest(requests) > largest(allocatable)) {
      return `one pod needs ${round(largest(requests))} ${unit}, and the largest node has ${round(largest(allocatable))}`
    }
    const free = Math.max(0, 0.9 * (sum(allocatable) - sum(usedRequests)))
    if (sum(requests) > free) return `it needs ${round(sum(requests))} ${unit}, and ${round(free)} can be used`
  }
  return undefined
}

const round = (amount: number) => Number(amount.toFixed(1))
