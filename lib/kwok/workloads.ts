import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fields, items } from '../kube/json.ts'
import { applyManifests, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { restoreReadiness } from './pod-readiness.ts'
import { type Demand, podDemand } from './pods.ts'

/** The namespaces of kwok-config/workloads; a test compares the two. */
export const workloadNamespaces = ['shop', 'data', 'batch', 'platform'] as const

export const workloadsDir = join(projectDir, 'kwok-config', 'workloads')

/**
 * What the workloads ask of the nodes, from their manifests: DaemonSets on every node, all others somewhere. CronJobs count
 * as one run, and what an autoscaler has a hand in as the most that it may make.
 */
export function workloadDemand(): { perNode: Demand; anywhere: Demand } {
  const total = { perNode: noDemand(), anywhere: noDemand() }
  const files = readdirSync(workloadsDir).filter(file => file.endsWith('.yaml'))
  const objects = files
    .flatMap(file => readYamlDocuments(join(workloadsDir, file), `fix kwok-config/workloads/${file}`))
    .map(fields)
  const most = mostReplicas(objects)
  for (const object of objects) {
    const spec = fields(object['spec'])
    const ofJob = object['kind'] === 'CronJob' ? fields(fields(spec['jobTemplate'])['spec']) : spec
    const podSpec = fields(ofJob['template'])['spec']
    if (podSpec === undefined) continue
    const copies = Number(most.get(keyOf(object['kind'], object)) ?? ofJob['replicas'] ?? ofJob['parallelism'] ?? 1)
    const sum = object['kind'] === 'DaemonSet' ? total.perNode : total.anywhere
    const each = podDemand(podSpec)
    sum.cpu += each.cpu * copies
    sum.memoryBytes += each.memoryBytes * copies
    sum.pods += copies
  }
  return total
}

/** Applies all workloads, file by file in the order of their names, namespaces first; the number of objects. */
export async function applyWorkloads(lab: Lab): Promise<number> {
  return (await applyManifests(lab, workloadsDir)).trim().split('\n').length
}

const ROLLOUT_TIMEOUT = '--timeout=180s'

/** Waits until every Deployment, StatefulSet and DaemonSet has its pods, and every Job has ended. */
export async function waitUntilRolledOut(lab: Lab): Promise<void> {
  // Not the jobs of CronJobs: those come, and are deleted, while one waits.
  const once = ['-l', 'app.kubernetes.io/component=once']
  const jobsEnd = kubectl(lab, ['wait', 'job', '-A', ...once, '--for=condition=Complete', ROLLOUT_TIMEOUT])
  await Promise.all([jobsEnd, waitForPods(lab)])
}

async function waitForPods(lab: Lab): Promise<void> {
  const { stdout } = await kubectl(lab, ['get', 'deployments,statefulsets,daemonsets', '-A', '-o', 'json'])
  const waiting = new Set(
    items(fields(JSON.parse(stdout))['items'])
      .map(fields)
      .filter(object => !isRolledOut(object))
      .map(object => fields(object['metadata'])['namespace']),
  )
  if (waiting.size > 0) await restoreReadiness(lab)
  await Promise.all(
    workloadNamespaces
      .filter(namespace => waiting.has(namespace))
      .map(namespace =>
        kubectl(lab, ['rollout', 'status', 'deployment,statefulset,daemonset', '-n', namespace, ROLLOUT_TIMEOUT]),
      ),
  )
}

/** Whether a Deployment, StatefulSet or DaemonSet has all its pods, as `kubectl rollout status` has it. */
export function isRolledOut(object: Record<string, unknown>): boolean {
  const { generation } = fields(object['metadata'])
  const { replicas: wanted } = fields(object['spec'])
  const status = fields(object['status'])
  const count = (field: string) => Number(status[field] ?? 0)
  if (count('observedGeneration') < Number(generation)) return false
  if (object['kind'] === 'DaemonSet') {
    const total = count('desiredNumberScheduled')
    return count('updatedNumberScheduled') >= total && count('numberAvailable') >= total
  }
  const updated = count('updatedReplicas')
  return updated >= Number(wanted) && count('availableReplicas') >= updated && count('replicas') <= updated
}

/** How many pods an autoscaler may make, by its target. */
function mostReplicas(objects: readonly Record<string, unknown>[]): Map<string, unknown> {
  const scalers = objects.filter(object => object['kind'] === 'HorizontalPodAutoscaler')
  return new Map(
    scalers.map(object => {
      const { scaleTargetRef, maxReplicas } = fields(object['spec'])
      const { kind, name } = fields(scaleTargetRef)
      const { namespace } = fields(object['metadata'])
      return [keyOf(kind, { metadata: { namespace, name } }), maxReplicas]
    }),
  )
}

function keyOf(kind: unknown, object: Record<string, unknown>): string {
  const { namespace, name } = fields(object['metadata'])
  return `${kind} ${namespace}/${name}`
}

function noDemand(): Demand {
  return { cpu: 0, memoryBytes: 0, pods: 0 }
}
