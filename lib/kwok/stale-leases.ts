import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { inspectContainer } from '../docker/containers.ts'
import { componentContainer } from '../lab/container-names.ts'
import { kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'

/**
 * Deletes the leases of nodes that an earlier kwok-controller has held. KWOK looks after no node whose lease somebody else has, and
 * each start of it is somebody else: for 200 s after a restart new pods would wait. Of a node without a lease it takes hold when it
 * looks next, within a minute. (KWOK v0.8.0, pkg/kwok/controllers/node_lease_controller.go.) Returns how many were deleted.
 *
 * Throws a LabError when kubectl fails.
 */
export async function dropStaleLeases(lab: Lab): Promise<number> {
  const sinceMs = await controllerStartMs(lab)
  if (sinceMs === undefined) return 0
  const namespace = ['--namespace', 'kube-node-lease']
  const path = '{range .items[*]}{.metadata.name} {.spec.renewTime}{"\\n"}{end}'
  const { stdout } = await kubectl(lab, ['get', 'leases', ...namespace, '--output', `jsonpath=${path}`])
  const stale = staleLeases(stdout, sinceMs)
  if (stale.length > 0) await kubectl(lab, ['delete', 'leases', ...namespace, '--ignore-not-found', ...stale])
  return stale.length
}

/** The names of leases, of lines of a name and when it was renewed, that were last renewed before a time (epoch). */
export function staleLeases(lines: string, sinceMs: number): string[] {
  return lines.split('\n').flatMap(line => {
    const [name = '', renewed = ''] = line.split(' ')
    return name !== '' && Date.parse(renewed) < sinceMs ? [name] : []
  })
}

/** When kwok-controller was started; undefined when it does not run. */
async function controllerStartMs(lab: Lab): Promise<number | undefined> {
  if (runtimeOf(lab) === 'docker') {
    const state = await inspectContainer(componentContainer(lab.settings.clusterName, 'kwok-controller'))
    return state?.isRunning === true ? Date.parse(state.startedAt) : undefined
  }
  // kwokctl writes it at each start.
  const path = join(lab.clusterDir, 'pids', 'kwok-controller.pid')
  return existsSync(path) ? statSync(path).mtimeMs : undefined
}
