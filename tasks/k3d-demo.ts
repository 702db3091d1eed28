/**
 * Runs a web server and a client in namespace demo, so that the dashboards have data to show. Both use the Node.js image; IMAGE_PREFIX selects
 * a mirror. Needs a cluster created by `make k3d`, or one that KUBE_CONTEXT names.
 *
 *   tsx tasks/k3d-demo.ts
 *   tsx tasks/k3d-demo.ts --kube-context my-cluster
 */
import { requireAgreement, requireContext } from '../lib/k3d/agreement.ts'
import { applyDemo, demoNamespace } from '../lib/k3d/k3d-demo.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Runs a web server and a client in namespace demo of a cluster.'
const flags = { yes: 'change a cluster that the lab did not create without confirmation' }

await runTask({ about, settings: ['kubeContext'], flags, on: 'context' }, async ({ lab, flags: chosen }) => {
  await requireContext(lab)
  const what = `The demo goes into namespace ${demoNamespace}`
  await requireAgreement(lab, what, chosen.has('yes') || lab.settings.yes)
  print((await applyDemo(lab)).trimEnd())
})
