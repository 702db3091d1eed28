/**
 * Installs LGTM (Grafana, Prometheus, Tempo, Loki) with the lab's dashboards and rules in namespace otel-lab, and waits until it answers.
 * Works on the lab's own k3d cluster, or on any cluster that KUBE_CONTEXT names, after a confirmation. A second run applies only changes.
 *
 *   tsx tasks/k3d-lgtm.ts
 *   tsx tasks/k3d-lgtm.ts --kube-context my-cluster --dashboards-dir mine --yes
 */
import { generatedFiles, provisioningFiles } from '../dashboards/output.ts'
import { provisionedDashboards } from '../lib/grafana/dashboard-files.ts'
import { wantedPods } from '../lib/in-cluster/simulated-nodes.ts'
import { hasOwnNamespace, labNamespace, requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { applyLgtm } from '../lib/k3d/k3d-lgtm.ts'
import { mountedDir } from '../lib/k3d/k3d-prometheus.ts'
import { waitForRollout } from '../lib/k3d/rollout.ts'
import { connect } from '../lib/kube/api-client.ts'
import { skippedLines } from '../lib/kube/source-documents.ts'
import { requireSources } from '../lib/kube/source-files.ts'
import { rememberSetting } from '../lib/lab/lab.ts'
import { imageOf, rememberImages } from '../lib/lab/lab-images.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { checkedRuleFiles } from '../lib/services/user-rules.ts'

const about = 'Installs LGTM with the dashboards and rules, and waits until it answers.'
const settings = [
  'kubeContext',
  'collectionInterval',
  'kubeletInsecureTls',
  'dashboardsDir',
  'rulesDir',
  'otlpEndpoint',
] as const
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings, flags, on: 'context', changesLab: true }, async ({ lab, flags: chosen }) => {
  const { otlpEndpoint } = lab.settings
  if (otlpEndpoint !== 'auto')
    return print(`LGTM is not installed: OTLP_ENDPOINT is ${otlpEndpoint}; OTLP_ENDPOINT=auto installs it`)
  const ownDashboards = requireSources(lab.settings, 'dashboardsDir')
  const { texts, notes } = provisionedDashboards(ownDashboards)
  for (const note of notes) say(note)
  const rules = await checkedRuleFiles(requireSources(lab.settings, 'rulesDir'))
  for (const { error } of rules.refused) say(error.message)
  for (const line of skippedLines(rules.skipped)) say(line)
  const ownRules = rules.found.map(({ fileName, text }) => [`rules/${fileName}`, text] as const)
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
    ownDir: ownDashboards.length === 0 ? undefined : `${mountedDir}/own`,
  })
  const files = new Map([...generatedFiles(), ...provisioning, ...own, ...ownRules])
  // No program sends traces.
  files.delete('rules/tracing.yaml')
  using client = await connect({ context: lab.context })
  const changed = await applyLgtm(lab, { files, simulatedPods: await wantedPods(client) })
  rememberSetting(lab, 'dashboardsDir')
  rememberSetting(lab, 'rulesDir')
  await waitForRollout(lab, 'lgtm')
  rememberImages(lab, { lgtm: imageOf(lab, 'lgtm') })
  print(`LGTM runs in namespace ${labNamespace} of context "${lab.context}": ${changed} objects changed`)
})
