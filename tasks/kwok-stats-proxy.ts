/**
 * Starts the stats proxy, and waits until it has read all nodes and pods. It serves a kubelet's statistics for each node of the cluster at
 * http://127.0.0.1:10250/nodes/<node>. With --once, prints the summary of one node instead: from the running proxy, else computed from the
 * API.
 *
 *   tsx tasks/kwok-stats-proxy.ts
 *   tsx tasks/kwok-stats-proxy.ts --once kwok-node-0000 | jq .node.cpu
 */
import { UsageError } from '../lib/cli/errors.ts'
import { requirePortsFor } from '../lib/kwok/preflight.ts'
import { requireCluster } from '../lib/lab/cluster-owner.ts'
import { kubeconfigPath } from '../lib/lab/kubeconfig.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { labServices } from '../lib/services/service.ts'
import { servedSummary, statsProxy, statsProxyUrl } from '../lib/services/stats-proxy.ts'

const about = 'Starts the stats proxy, a kubelet API for each simulated node; or prints the summary of one node.'
const flags = { once: 'print the summary of <node>, and start nothing' }
const positional = [{ name: 'node', help: 'with --once: the name of the node' }]

await runTask(
  {
    about,
    settings: ['statsProxyPort', 'usagePreset'],
    flags,
    positional,
    changesLab: (given: ReadonlySet<string>) => !given.has('once'),
  },
  async ({ lab, ...given }) => {
    const [node] = given.positional
    if (given.flags.has('once') !== (node !== undefined)) {
      throw new UsageError('--once and the name of a node go together', {
        next: 'name a node after --once, or neither',
      })
    }
    requireCluster(lab)
    if (node !== undefined) {
      const options = { kubeconfig: kubeconfigPath(lab, 'stats-proxy'), preset: lab.settings.usagePreset }
      // Loaded only here: make kwok does without the usage model.
      const { summaryFromApi } = await import('../lib/kubelet/summary-from-api.ts')
      print(JSON.stringify((await servedSummary(lab, node)) ?? (await summaryFromApi(node, options)), null, 2))
      return
    }
    await requirePortsFor(lab, statsProxy)
    if (await labServices(lab).ensure(statsProxy)) say('Started the stats proxy')
    rememberSetting(lab, 'usagePreset')
    print(`The stats proxy answers at ${statsProxyUrl(lab)}/nodes/<node>/stats/summary`)
  },
)
