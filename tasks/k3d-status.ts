/**
 * Shows the parts of the lab in a cluster: LGTM and the collectors with the number of ready pods, the nodes, the addresses, the number of
 * series and the running scenarios. Exit code 1 when a part is missing or not ready, or a node has no metrics.
 *
 *   tsx tasks/k3d-status.ts
 *   tsx tasks/k3d-status.ts --kube-context my-cluster
 *   tsx tasks/k3d-status.ts --password        # only the password of Grafana's user admin
 */
import { formatTable } from '../lib/cli/table.ts'
import { requireContext } from '../lib/k3d/agreement.ts'
import { ownCluster } from '../lib/k3d/k3d-cluster.ts'
import { lgtmPassword } from '../lib/k3d/k3d-lgtm.ts'
import { partsOf, unmeasuredNodes } from '../lib/k3d/k3d-status.ts'
import { reachPrometheus } from '../lib/k3d/port-forward.ts'
import { countAll } from '../lib/kwok/lab-status.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { scenarioJournal, scenarioLines } from '../lib/scenarios/scenario-journal.ts'

const about =
  'Shows the parts of the lab in a cluster; exit code 1 when one is missing or not ready, or a node has no metrics.'

const flags = { password: "print only the password of Grafana's user admin" }

const task = { about, settings: ['kubeContext'], flags, on: 'context', ignoreCreationSettings: true } as const
await runTask(task, async ({ lab, flags: chosen }) => {
  await requireContext(lab)
  if (chosen.has('password')) return print(await lgtmPassword(lab))
  const parts = await partsOf(lab)
  print(`Context ${lab.context}, cluster "${lab.settings.clusterName}"\n`)
  print(
    formatTable([
      ['PART', 'STATE', 'PODS', 'WHY'],
      ...parts.map(part => [part.name, part.state, part.pods, part.why || '-']),
    ]),
  )
  const reached = await reachPrometheus(lab).catch(() => ({ lab, close: () => {} }))
  // Unknown without Prometheus.
  const failing = scenarioJournal(lab)
    .requests()
    .map(({ target }) => target)
  const unmeasured = unmeasuredNodes(reached.lab, failing).catch(() => undefined)
  const [counts, trouble] = await Promise.all([countAll(reached.lab), unmeasured]).finally(() => reached.close())
  const known = (value: number | undefined) => (value === undefined ? 'unknown' : String(value))
  const pods = [...(counts.podPhases ?? [])].map(([phase, count]) => `${count} ${phase}`).join(', ')
  print(`\nNodes   ${known(counts.nodes)}\nPods    ${pods || 'unknown'}\nSeries  ${known(counts.series)}`)
  for (const line of scenarioLines(lab)) print(line)
  if (trouble !== undefined) print(`\n${trouble}`)
  const { grafanaPort, prometheusPort } = lab.settings
  if (ownCluster(lab) !== undefined) {
    print(`\nGrafana http://127.0.0.1:${grafanaPort}, Prometheus http://127.0.0.1:${prometheusPort}`)
  } else if (parts.some(({ name, state }) => name === 'lgtm' && state !== 'missing')) {
    print(`\nNext: make k3d-port-forward KUBE_CONTEXT=${lab.context} opens Grafana and Prometheus`)
  }
  return trouble === undefined && parts.every(({ state }) => state === 'ready') ? 0 : 1
})
