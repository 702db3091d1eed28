import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'
import { UsageError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { applyManifests, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'
import { freeRooms, placePods } from './pod-capacity.ts'
import { type Demand, podDemand } from './pods.ts'

export const boutiqueNamespace = 'online-boutique'

/** The objects of kwok-config/online-boutique.yaml, each Deployment with this many pods. */
export function boutiqueObjects(base: string, replicas: number): Record<string, unknown>[] {
  return parseAllDocuments(base).map(document => {
    const object = fields(document.toJS())
    if (object['kind'] !== 'Deployment') return object
    return { ...object, spec: { ...fields(object['spec']), replicas } }
  })
}

/** What the boutique's pods ask for, one entry a pod. */
export function boutiqueDemands(objects: readonly Record<string, unknown>[]): Demand[] {
  return objects.flatMap(object => {
    if (object['kind'] !== 'Deployment') return []
    const spec = fields(object['spec'])
    const each = podDemand(fields(spec['template'])['spec'])
    return Array.from({ length: Number(spec['replicas']) }, () => each)
  })
}

/**
 * Applies Online Boutique and waits until all its pods run; the number of its pods. One that is there is scaled.
 *
 * Throws a UsageError when the nodes have no room for it, a LabError when its pods don't come to run.
 */
export async function applyBoutique(lab: Lab, replicas: number): Promise<number> {
  await refuseForeign(lab)
  const base = readFileSync(join(projectDir, 'kwok-config', 'online-boutique.yaml'), 'utf8')
  const objects = boutiqueObjects(base, replicas)
  const demands = boutiqueDemands(objects)
  await requireRoomForBoutique(lab, replicas, demands)
  const path = join(lab.configDir, 'online-boutique.yaml')
  writeFileAtomically(path, objects.map(object => stringify(object, { aliasDuplicateObjects: false })).join('---\n'))
  await applyManifests(lab, path)
  const timeout = `--timeout=${60 + Math.ceil(demands.length / 10)}s`
  await kubectl(lab, ['rollout', 'status', 'deployment', '-n', boutiqueNamespace, timeout], { timeoutMs: 900_000 })
  return demands.length
}

/** Takes Online Boutique away, and waits until nothing of it is left; false when it was not there. */
export async function deleteBoutique(lab: Lab): Promise<boolean> {
  if (!(await refuseForeign(lab))) return false
  await kubectl(lab, ['delete', 'namespace', boutiqueNamespace, '--wait=false'])
  return await waitUntil({
    what: `the end of namespace ${boutiqueNamespace}`,
    timeoutMs: 180_000,
    everyMs: 500,
    check: async () => ((await namespaceLabels(lab)) === undefined ? { done: true } : { pending: 'it is still there' }),
    progress: 'Online Boutique',
    next: `kubectl --context ${lab.context} get namespace ${boutiqueNamespace} -o yaml`,
  })
}

/** Refuses a namespace of that name that another hand made. Says whether ours is there. */
async function refuseForeign(lab: Lab): Promise<boolean> {
  const labels = await namespaceLabels(lab)
  if (labels === undefined) return false
  const [key = '', value = ''] = managedBy.split('=')
  if (labels[key] === value) return true
  throw new UsageError(`Namespace ${boutiqueNamespace} was not made by the lab`, {
    why: `it has no label ${managedBy}`,
    next: `move what is in it elsewhere and delete it, or give it that label`,
  })
}

async function namespaceLabels(lab: Lab): Promise<Record<string, unknown> | undefined> {
  const { stdout } = await kubectl(lab, ['get', 'namespace', boutiqueNamespace, '--ignore-not-found', '-o', 'json'])
  return stdout.trim() === '' ? undefined : fields(fields(fields(JSON.parse(stdout))['metadata'])['labels'])
}

async function requireRoomForBoutique(lab: Lab, replicas: number, demands: readonly Demand[]): Promise<void> {
  const list = async (...args: string[]) =>
    items(fields(JSON.parse((await kubectl(lab, ['get', ...args, '-o', 'json'])).stdout))['items'])
  const [nodes, pods] = await Promise.all([list('nodes'), list('pods', '-A')])
  const others = pods.filter(pod => text(fields(fields(pod)['metadata'])['namespace']) !== boutiqueNamespace)
  const rooms = freeRooms(nodes, others)
  const left = placePods(rooms, demands)
  if (left === 0) return
  const cpu = demands.reduce((sum, demand) => sum + demand.cpu, 0)
  throw new UsageError(`BOUTIQUE_REPLICAS=${replicas} is more than ${rooms.length} nodes can hold`, {
    why: `of ${demands.length} pods, which ask for ${cpu.toFixed(1)} CPUs, ${left} find no room beside what runs`,
    next: 'set BOUTIQUE_REPLICAS to less, NODE_COUNT to more, or POD_COUNT to less',
  })
}
