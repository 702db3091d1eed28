import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { applyManifests, kubectl } from './kubectl.ts'
import { type Lab, projectDir } from './lab.ts'

/** The namespaces of kwok-config/workloads; a test compares the two. */
export const workloadNamespaces = ['shop', 'data', 'batch', 'platform'] as const

const workloadsDir = join(projectDir, 'kwok-config', 'workloads')

/** The manifest files, in the order they are applied in: namespaces first. */
export function workloadFiles(): string[] {
  return readdirSync(workloadsDir)
    .filter(file => file.endsWith('.yaml'))
    .sort()
    .map(file => join(workloadsDir, file))
}

/** Applies all workloads; the number of objects. */
export async function applyWorkloads(lab: Lab): Promise<number> {
  let objects = 0
  for (const file of workloadFiles()) objects += (await applyManifests(lab, { file })).trim().split('\n').length
  return objects
}

/** Waits until every Deployment, StatefulSet and DaemonSet has its pods, and every Job has ended. */
export async function waitUntilRolledOut(lab: Lab): Promise<void> {
  const timeout = '--timeout=180s'
  await Promise.all(
    workloadNamespaces.map(async namespace => {
      await kubectl(lab, ['rollout', 'status', 'deployment,statefulset,daemonset', '-n', namespace, timeout])
    }),
  )
  await kubectl(lab, ['wait', 'job', '--all', '-n', 'batch', '--for=condition=Complete', timeout])
}
