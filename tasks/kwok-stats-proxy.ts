/**
 * Starts the stats proxy: each node of the cluster has a kubelet's stats at http://127.0.0.1:10250/nodes/<node>, and the
 * proxy has read all nodes and pods.
 *
 *   tsx tasks/kwok-stats-proxy.ts
 *   curl http://127.0.0.1:10250/nodes/kwok-node-0000/stats/summary
 */
import { requireCluster } from '../lib/kwokctl.ts'
import { requirePortsFor } from '../lib/preflight.ts'
import { binaryServices } from '../lib/services.ts'
import { statsProxyService, statsProxyUrl } from '../lib/stats/service.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = "Starts the stats proxy, a kubelet's API for each simulated node."

await runTask({ about, settings: ['statsProxyPort'] }, async ({ lab }) => {
  requireCluster(lab)
  await requirePortsFor(lab, 'stats-proxy')
  if (await binaryServices(lab).ensure(statsProxyService(lab))) say('Started the stats proxy')
  print(`The stats proxy answers at ${statsProxyUrl(lab)}/nodes/<node>/stats/summary`)
})
