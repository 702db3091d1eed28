import { join } from 'node:path'
import { UsageError } from '../cli/errors.ts'
import { fields, merged, text } from '../kube/json.ts'
import { getCollection, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { isManaged, managedBy } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'
import { readYamlDocuments, yamlText } from '../system/yaml-files.ts'
import { freeCapacity, placePods } from './pod-capacity.ts'
import { podRequests, type ResourceRequests } from './pods.ts'

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
  await requireCapacityForBoutique(lab, replicas, pods)
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

async function requireCapacityForBoutique(
  lab: Lab,
  replicas: number,
  requests: readonly ResourceRequests[],
): Promise<void> {
  const [nodes, pods] = await Promise.all([getCollection(lab, '/api/v1/nodes'), getCollection(lab, '/api/v1/pods')])
  const others = pods.filter(pod => text(fields(fields(pod)['metadata'])['namespace']) !== boutiqueNamespace)
  const free = freeCapacity(nodes, others)
  const unplaced = placePods(free, requests)
  if (unplaced === 0) return
  const cpu = requests.reduce((sum, each) => sum + each.cpu, 0)
  throw new UsageError(`BOUTIQUE_REPLICAS=${replicas} is more than ${free.length} nodes can hold`, {
    why: `${unplaced} of ${requests.length} pods, which request ${cpu.toFixed(1)} CPUs, do not fit beside the pods that run`,
    next: 'decrease BOUTIQUE_REPLICAS or POD_COUNT, or increase NODE_COUNT',
  })
}
