/**
 * Installs LGTM (Grafana, Prometheus, Tempo, Loki) with the lab's dashboards and rules in namespace otel-lab, and waits until it answers.
 * Works on the lab's own k3d cluster, or on any cluster that KUBE_CONTEXT names, after a confirmation. A second run applies only changes.
 *
 *   tsx tasks/k3d-lgtm.ts
 *   tsx tasks/k3d-lgtm.ts --kube-context my-cluster --dashboards-dir mine --yes
 */
import { generatedFiles, provisioningFiles } from '../dashboards/output.ts'
import { provisionedFolder, requireDashboardsDir } from '../lib/grafana/dashboard-files.ts'
import { hasOwnNamespace, labNamespace, requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { applyLgtm } from '../lib/k3d/k3d-lgtm.ts'
import { mountedDir } from '../lib/k3d/k3d-prometheus.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Installs LGTM with the dashboards and rules, and waits until it answers.'
const settings = ['kubeContext', 'collectionInterval', 'kubeletInsecureTls', 'dashboardsDir'] as const
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings, flags, on: 'context', changesLab: true }, async ({ lab, flags: chosen }) => {
  const ownDir = requireDashboardsDir(lab.settings)
  const { texts, notes } = ownDir === undefined ? { texts: [], notes: [] } : provisionedFolder(ownDir)
  for (const note of notes) say(note)
  const own = [...texts].map(([path, text]) => [`own/${path}`, text] as const)
  await requireContext(lab)
  const what = `this installs LGTM in namespace ${labNamespace}, with a ClusterRole that reads nodes and their metrics`
  await requireAgreement(lab, what, chosen.has('yes') || lab.settings.yes)
  await hasOwnNamespace(lab)
  say(`Installing LGTM in context "${lab.context}"`)
  const provisioning = provisioningFiles({
    // In the pod of Grafana.
    prometheusUrl: 'http://127.0.0.1:9090',
    jaegerUrl: undefined,
    intervalMs: lab.settings.collectionInterval,
    jsonDir: `${mountedDir}/dashboards`,
    ownDir: ownDir === undefined ? undefined : `${mountedDir}/own`,
  })
  const files = new Map([...generatedFiles(), ...provisioning, ...own])
  // No program sends traces.
  files.delete('rules/tracing.yaml')
  const changed = await applyLgtm(lab, files)
  rememberSetting(lab, 'dashboardsDir')
  await waitForRollout(lab, 'lgtm')
  print(`LGTM runs in namespace ${labNamespace} of context "${lab.context}": ${changed.length} objects changed`)
})
