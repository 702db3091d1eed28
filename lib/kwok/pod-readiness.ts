import { connect } from '../kube/api-client.ts'
import { type BulkCall, callAll } from '../kube/bulk-requests.ts'
import { conditionPath, getRows } from '../lab/kubectl.ts'
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
  const conditions = [conditionPath('ContainersReady'), conditionPath('Ready')]
  const columns = ['.metadata.namespace', '.metadata.name', '.spec.nodeName', ...conditions]
  const [nodes, pods] = await Promise.all([
    nodeReadiness(lab),
    getRows(lab, ['pods', '-A', '--field-selector', 'status.phase=Running'], columns),
  ])
  const calls = readinessCalls(pods, nodes)
  if (calls.length === 0) return 0
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  await callAll(client, calls)
  return calls.length
}

/**
 * The calls that restore pods on Ready nodes whose containers are all ready. A container that is not ready is intended.
 *
 * @param pods running pods: namespace, name, node, status of ContainersReady, status of Ready
 */
export function readinessCalls(pods: readonly (readonly string[])[], nodes: ReadonlyMap<string, boolean>): BulkCall[] {
  return pods
    .filter(([, , node = '', containers, pod]) => nodes.get(node) === true && containers === 'True' && pod === 'False')
    .map(([namespace, name]) => ({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
      body: {
        status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }] },
      },
    }))
}
