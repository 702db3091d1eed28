import { kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { controlPlaneOf } from './kwok-cluster.ts'

/**
 * Deletes the node leases of an earlier kwok-controller process. Each process has another identity, and ignores nodes whose lease
 * has another holder: for 200 s after a restart new pods would stay Pending. It acquires the lease of a node that has none within a
 * minute (KWOK v0.8.0, pkg/kwok/controllers/node_lease_controller.go). Returns the number of deleted leases.
 *
 * Throws a LabError when kubectl fails.
 */
export async function dropStaleLeases(lab: Lab): Promise<number> {
  const sinceMs = await controlPlaneOf(lab).startMs(lab, 'kwok-controller')
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
