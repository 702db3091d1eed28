/**
 * Runs a web server and a client in namespace demo, so that the dashboards have data to show. Both use the Node.js image; IMAGE_PREFIX selects
 * a mirror. Needs a cluster created by `make k3d`, or one that KUBE_CONTEXT names.
 *
 *   tsx tasks/k3d-demo.ts
 *   tsx tasks/k3d-demo.ts --kube-context my-cluster
 */

import { requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { demoFile, demoNamespace, demoObjects } from '../lib/k3d/k3d-demo.ts'
import { kubectlCommand, serverSide } from '../lib/lab/kubectl.ts'
import { imageOf } from '../lib/lab/lab-images.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { $ } from '../lib/system/run.ts'
import { readYamlDocuments, yamlText } from '../lib/system/yaml-files.ts'

const about = 'Runs a web server and a client in namespace demo of a cluster.'
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings: ['kubeContext'], flags, on: 'context' }, async ({ lab, flags: chosen }) => {
  await requireContext(lab)
  const what = `this installs the demo in namespace ${demoNamespace}`
  await requireAgreement(lab, what, chosen.has('yes') || lab.settings.yes)
  const kubectl = await kubectlCommand(lab)
  const input = yamlText(demoObjects(readYamlDocuments(demoFile), imageOf(lab, 'node')))
  const { stdout } = await $({ input })`${kubectl} apply ${serverSide} -f -`
  await $({ timeoutMs: 320_000 })`${kubectl} rollout status deployment -n ${demoNamespace} --timeout=300s`
  print(stdout.trimEnd())
})
