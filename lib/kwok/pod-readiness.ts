import { connect } from '../kube/api-client.ts'
import { type BulkCall, callAll } from '../kube/bulk-requests.ts'
import { kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { nodeReadiness } from './nodes.ts'

/**
 * Gives back their readiness to pods that lost it with their node, and returns how many there were. When no node says that
 * it lives, for minutes (kwok-controller was down, or the machine asleep), the controller manager marks all pods as not
 * ready; a kubelet that comes back sets that right, kwok v0.8.0 does not: its stages know of pods that start, not of these.
 *
 * Throws a LabError when the API server refuses.
 */
export async function restoreReadiness(lab: Lab): Promise<number> {
  const status = (type: string) => `{.status.conditions[?(@.type=="${type}")].status}`
  const row = `{.metadata.namespace} {.metadata.name} {.spec.nodeName} ${status('ContainersReady')} ${status('Ready')}`
  const path = `{range .items[*]}${row}{"\\n"}{end}`
  const [nodes, { stdout }] = await Promise.all([
    nodeReadiness(lab),
    kubectl(lab, ['get', 'pods', '-A', '--field-selector', 'status.phase=Running', '-o', `jsonpath=${path}`]),
  ])
  const calls = readinessCalls(stdout, nodes)
  if (calls.length === 0) return 0
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  await callAll(client, calls)
  return calls.length
}

/**
 * The calls that make ready what only its node has made unready: containers that are not ready are somebody's wish.
 *
 * @param rows one running pod a line: namespace, name, node, whether its containers are ready, whether it is
 */
export function readinessCalls(rows: string, nodes: ReadonlyMap<string, boolean>): BulkCall[] {
  const pods = rows.split('\n').map(row => row.split(' '))
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
