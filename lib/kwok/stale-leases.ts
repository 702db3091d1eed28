import { getRows, kubectl } from '../lab/kubectl.ts'
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
  const rows = await getRows(lab, ['leases', ...namespace], ['.metadata.name', '.spec.renewTime'])
  const stale = staleLeases(rows, sinceMs)
  if (stale.length > 0) await kubectl(lab, ['delete', 'leases', ...namespace, '--ignore-not-found', ...stale])
  return stale.length
}

/** The names of leases that were last renewed before a time (epoch), from rows of name and time. */
export function staleLeases(rows: readonly (readonly string[])[], sinceMs: number): string[] {
  return rows.flatMap(([name = '', renewed = '']) => (Date.parse(renewed) < sinceMs ? [name] : []))
}
