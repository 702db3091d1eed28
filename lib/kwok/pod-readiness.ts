import { connect } from '../kube/api-client.ts'
import { type BulkCall, callAll } from '../kube/bulk-requests.ts'
import { conditionStatus, fields } from '../kube/json.ts'
import { getCollection } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { nodeReadiness } from './nodes.ts'

/**
 * Restores the Ready condition of pods whose node was lost, and returns their number. When nodes send no heartbeats for minutes
 * (kwok-controller was down, or the machine suspended), kube-controller-manager marks their pods as not ready. A kubelet corrects that when
 * it returns; kwok v0.8.0 does not, because its stages only cover pods that start.
 *
 * Throws a LabError when the API server refuses a patch.
 */
export async function restoreReadiness(lab: Lab): Promise<number> {
  const [nodes, pods] = await Promise.all([
    nodeReadiness(lab),
    getCollection(lab, '/api/v1/pods?fieldSelector=status.phase%3DRunning'),
  ])
  const calls = readinessCalls(pods, nodes)
  if (calls.length === 0) return 0
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  await callAll(client, calls)
  return calls.length
}

/** The calls that restore running pods on Ready nodes whose containers are all ready. A container that is not ready is intended. */
export function readinessCalls(
  pods: readonly Record<string, unknown>[],
  nodes: ReadonlyMap<string, boolean>,
): BulkCall[] {
  return pods
    .filter(pod => {
      const isOnReadyNode = nodes.get(String(fields(pod['spec'])['nodeName'])) === true
      return (
        isOnReadyNode && conditionStatus(pod, 'ContainersReady') === 'True' && conditionStatus(pod, 'Ready') === 'False'
      )
    })
    .map(pod => {
      const { namespace, name } = fields(pod['metadata'])
      const condition = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }
      return {
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
        body: { status: { conditions: [condition] } },
      }
    })
}
