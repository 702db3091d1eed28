/**
 * Starts the stats proxy, and waits until it has read all nodes and pods. It serves a kubelet's statistics for each node of the cluster at
 * http://127.0.0.1:10250/nodes/<node>.
 *
 *   tsx tasks/kwok-stats-proxy.ts
 *   curl -s http://127.0.0.1:10250/nodes/kwok-node-0000/stats/summary | jq .node.cpu
 */
import { startService } from '../lib/kwok/preflight.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { statsProxy, statsProxyUrl } from '../lib/services/stats-proxy.ts'

const about = 'Starts the stats proxy, a kubelet API for each simulated node.'

await runClusterTask(
  { about, settings: ['statsProxyPort', 'usagePreset', 'metrics'], changesLab: true },
  async ({ lab }) => {
    await startService(lab, statsProxy, 'the stats proxy')
    rememberSetting(lab, 'usagePreset')
    print(`The stats proxy answers at ${statsProxyUrl(lab)}/nodes/<node>/stats/summary`)
  },
)
