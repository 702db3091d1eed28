import { fields, nameOf } from '../kube/json.ts'
import { getCollection, kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { controlPlaneOf } from './kwok-cluster.ts'

/** The holder of a node's lease while a scenario keeps KWOK away from the node. */
export const scenarioLeaseHolder = 'kube-otel-lab-scenario'

/**
 * Deletes the node leases of an earlier kwok-controller process. Each process has another identity, and ignores nodes whose lease
 * has another holder: for 200 s after a restart new pods would stay Pending. It acquires the lease of a node that has none within a
 * minute (KWOK v0.8.0, pkg/kwok/controllers/node_lease_controller.go). Returns the number of deleted leases.
 *
 * Throws a LabError when the API server or kubectl refuses.
 */
export async function dropStaleLeases(lab: Lab): Promise<number> {
  const sinceMs = await controlPlaneOf(lab).startMs(lab, 'kwok-controller')
  if (sinceMs === undefined) return 0
  const leases = await getCollection(lab, '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases')
  const stale = staleLeases(leases, sinceMs)
  if (stale.length > 0)
    await kubectl(lab, ['delete', 'leases', '-n', 'kube-node-lease', '--ignore-not-found', ...stale])
  return stale.length
}

/** The names of leases that were last renewed before a time (epoch). Those of scenarios are held on purpose. */
export function staleLeases(leases: readonly Record<string, unknown>[], sinceMs: number): string[] {
  const stale = leases.filter(({ spec }) => {
    const { renewTime, holderIdentity } = fields(spec)
    return Date.parse(String(renewTime)) < sinceMs && holderIdentity !== scenarioLeaseHolder
  })
  return stale.map(nameOf)
}
