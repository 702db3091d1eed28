/**
 * Starts the stats proxy: each node of the cluster has a kubelet's stats at http://127.0.0.1:10250/nodes/<node>, and the
 * proxy has read all nodes and pods. With --once, prints one node's summary instead: the running proxy's, else one made
 * from the API for this alone.
 *
 *   tsx tasks/kwok-stats-proxy.ts
 *   tsx tasks/kwok-stats-proxy.ts --once kwok-node-0000 | jq .node.cpu
 */
import { UsageError } from '../lib/cli/errors.ts'
import { requireCluster } from '../lib/kwok/kwok-cluster.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { kubeconfigPath } from '../lib/lab/kubeconfig.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { labServices } from '../lib/services/service.ts'
import { servedSummary, statsProxy, statsProxyUrl } from '../lib/services/stats-proxy.ts'

const about = "Starts the stats proxy, a kubelet's API for each simulated node; or prints the summary of one node."
const switches = { once: 'print the summary of the node that is named, and start nothing' }
const words = [{ name: 'node', help: 'with --once: whose summary' }]

await runTask(
  {
    about,
    settings: ['statsProxyPort', 'usagePreset'],
    switches,
    words,
    changesLab: (given: ReadonlySet<string>) => !given.has('once'),
  },
  async ({ lab, ...given }) => {
    const [node] = given.words
    if (given.switches.has('once') !== (node !== undefined)) {
      throw new UsageError('--once and the name of a node go together', {
        next: 'name a node after --once, or neither',
      })
    }
    requireCluster(lab)
    if (node !== undefined) {
      const options = { kubeconfig: kubeconfigPath(lab, 'stats-proxy'), preset: lab.settings.usagePreset }
      // Loaded only here: make kwok does without the usage model.
      const { summaryOnce } = await import('../lib/kubelet/one-summary.ts')
      print(JSON.stringify((await servedSummary(lab, node)) ?? (await summaryOnce(node, options)), null, 2))
      return
    }
    await requirePortsFor(lab, statsProxy)
    if (await labServices(lab).ensure(statsProxy)) say('Started the stats proxy')
    rememberSetting(lab, 'usagePreset')
    print(`The stats proxy answers at ${statsProxyUrl(lab)}/nodes/<node>/stats/summary`)
  },
)
