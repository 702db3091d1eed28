import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fields, items } from '../kube/json.ts'
import { kubectlCommand } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { $ } from '../system/run.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { nodeExporterFile } from './kube-prometheus.ts'
import { restoreReadiness } from './pod-readiness.ts'
import { podRequests, type ResourceRequests, type WorkloadRequests } from './pods.ts'

/** The namespaces of kwok-config/workloads; a test compares the two. */
export const workloadNamespaces = ['shop', 'data', 'batch', 'platform'] as const

export const workloadsDir = join(projectDir, 'kwok-config', 'workloads')

/**
 * The resource requests of the workloads, from their manifests, and of node exporters where METRICS has them. A CronJob counts as one run,
 * and a workload with an autoscaler as `maxReplicas` pods.
 */
export function workloadRequests(lab: Pick<Lab, 'settings'>): WorkloadRequests {
  const total = { perNode: noRequests(), anywhere: noRequests() }
  const files = readdirSync(workloadsDir).flatMap(file => (file.endsWith('.yaml') ? [join(workloadsDir, file)] : []))
  const all = hasPrometheusMetrics(lab) ? [...files, nodeExporterFile] : files
  const objects = all.flatMap(file => readYamlDocuments(file, `fix ${relative(projectDir, file)}`)).map(fields)
  const most = mostReplicas(objects)
  for (const object of objects) {
    const spec = fields(object['spec'])
    const ofJob = object['kind'] === 'CronJob' ? fields(fields(spec['jobTemplate'])['spec']) : spec
    const podSpec = fields(ofJob['template'])['spec']
    if (podSpec === undefined) continue
    const copies = Number(most.get(keyOf(object['kind'], object)) ?? ofJob['replicas'] ?? ofJob['parallelism'] ?? 1)
    const sum = object['kind'] === 'DaemonSet' ? total.perNode : total.anywhere
    const each = podRequests(podSpec)
    sum.cpu += each.cpu * copies
    sum.memoryBytes += each.memoryBytes * copies
    sum.pods += copies
  }
  return total
}

const ROLLOUT_TIMEOUT = '--timeout=180s'

/** Waits until every Deployment, StatefulSet and DaemonSet has its pods, and every Job is complete. The first failure ends the other waits. */
export async function waitUntilRolledOut(lab: Lab): Promise<void> {
  const stop = new AbortController()
  const waits = [waitForJobs(lab, stop.signal), waitForPods(lab, stop.signal)]
  try {
    await Promise.all(waits)
  } finally {
    stop.abort()
    await Promise.allSettled(waits)
  }
}

/** Leaves out the Jobs of CronJobs, which are created and deleted during the wait. */
async function waitForJobs(lab: Lab, signal: AbortSignal): Promise<void> {
  const command = await kubectlCommand(lab)
  const label = 'app.kubernetes.io/component=once'
  await $({ signal })`${command} wait job -A -l ${label} --for=condition=Complete ${ROLLOUT_TIMEOUT}`
}

async function waitForPods(lab: Lab, signal: AbortSignal): Promise<void> {
  const command = await kubectlCommand(lab)
  const { stdout } = await $({ signal })`${command} get deployments,statefulsets,daemonsets -A -o json`
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
      .map(async namespace => {
        const kinds = 'deployment,statefulset,daemonset'
        await $({ signal })`${command} rollout status ${kinds} -n ${namespace} ${ROLLOUT_TIMEOUT}`
      }),
  )
}

/** Whether a Deployment, StatefulSet or DaemonSet has all its pods, by the rules of `kubectl rollout status`. */
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

/** `maxReplicas` of each autoscaler, by its target. */
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

function noRequests(): ResourceRequests {
  return { cpu: 0, memoryBytes: 0, pods: 0 }
}
