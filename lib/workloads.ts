import { join } from 'node:path'
import { applyManifests, kubectl } from './kubectl.ts'
import { type Lab, projectDir } from './lab.ts'

/** The namespaces of kwok-config/workloads; a test compares the two. */
export const workloadNamespaces = ['shop', 'data', 'batch', 'platform'] as const

export const workloadsDir = join(projectDir, 'kwok-config', 'workloads')

/** Applies all workloads, file by file in the order of their names, namespaces first; the number of objects. */
export async function applyWorkloads(lab: Lab): Promise<number> {
  return (await applyManifests(lab, { file: workloadsDir })).trim().split('\n').length
}

/** Waits until every Deployment, StatefulSet and DaemonSet has its pods, and every Job has ended. */
export async function waitUntilRolledOut(lab: Lab): Promise<void> {
  const timeout = '--timeout=180s'
  await Promise.all(
    workloadNamespaces.map(async namespace => {
      await kubectl(lab, ['rollout', 'status', 'deployment,statefulset,daemonset', '-n', namespace, timeout])
    }),
  )
  // Not the jobs of CronJobs: those come, and are deleted, while one waits.
  const once = 'app.kubernetes.io/component=once'
  await kubectl(lab, ['wait', 'job', '-A', '-l', once, '--for=condition=Complete', timeout])
}
