/**
 * Starts the kubelet gateway: kube-apiserver reaches the simulated nodes' kubelets through it (kubectl logs, node proxy), and tools on this
 * machine by HTTP CONNECT on 127.0.0.1:10251. It starts again within five seconds when it ends. The kubelets answer once the stats proxy runs.
 *
 *   tsx tasks/kwok-kubelet-gateway.ts
 *   kubectl --context kwok-queries-testing get --raw /api/v1/nodes/kwok-node-0000/proxy/stats/summary
 */
import { startService } from '../lib/kwok/preflight.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { kubeletGateway, kubeletProxyUrl } from '../lib/services/kubelet-gateway.ts'

const about = "Starts the kubelet gateway, the way to the nodes' kubelets for kube-apiserver and for tools."

await runClusterTask({ about, settings: ['kubeletProxyPort', 'nodeIpRange'], changesLab: true }, async ({ lab }) => {
  await startService(lab, kubeletGateway, 'the kubelet gateway')
  print(`The kubelet gateway opens tunnels to the nodes at ${kubeletProxyUrl(lab)}`)
})
